import { Worker } from "node:worker_threads";
import { ByteWriter } from "../../adapters/byteWriter.ts";
import type { PredictionLog } from "../../adapters/predictionLog/append.ts";
import { type CapturedBody, type CapturedPrediction, writePrediction } from "../../adapters/predictionLog/frame.ts";
import type { FramesToRedact, RedactedFrames, RedactingInput } from "./redacting.ts";

export interface RedactionOptions {
  readonly log: PredictionLog;
  /**
   * What waits here, in bytes. Beyond it bodies are dropped, and beyond twice as much whole predictions are lost.
   * @default 48 MiB
   */
  readonly waitingBytes?: number;
  /** @default the thread's own file */
  readonly thread?: URL;
  /** The thread ended by itself, by an error of this code or name; it is started again. */
  readonly onFailure: (code: string) => void;
}

/** A thread that failed is started again after this, in milliseconds. */
const restartMs = 1_000;

/**
 * Stands between capture and log: hands predictions to a thread that redacts them, reads what their answers tell and drops bodies that are not
 * stored, and writes to the log what comes back. So no answer waits for it, and nothing is on a disk before that. What waits here when the process
 * is killed counts as `killed`, since the log has not finished it.
 */
export class Redaction {
  readonly #input: RedactingInput;
  readonly #log: PredictionLog;
  readonly #limit: number;
  readonly #thread: URL;
  readonly #onFailure: (code: string) => void;
  #worker: Worker | undefined;
  /** What the thread gets next, and how many predictions that is. */
  #next = new ByteWriter();
  #nextPredictions = 0;
  /** Predictions that the thread has, and their bytes. */
  #given: { readonly predictions: number; readonly bytes: number } | undefined;
  #isScheduled = false;
  #whenIdle: (() => void) | undefined;

  constructor(input: RedactingInput, options: RedactionOptions) {
    const {
      log,
      waitingBytes = 48 * 1024 ** 2,
      thread = new URL("./redactor.ts", import.meta.url),
      onFailure,
    } = options;
    this.#input = input;
    this.#log = log;
    this.#limit = waitingBytes;
    this.#thread = thread;
    this.#onFailure = onFailure;
    this.#worker = this.#start();
  }

  accept(): void {
    this.#log.accept();
  }

  /** As {@link PredictionLog.finish}. */
  finish(prediction?: CapturedPrediction): void {
    // Without rules, only answers that may tell something have to be read.
    if (!prediction || (this.#input.rules.length === 0 && prediction.response.chunks.length === 0)) {
      this.#log.finish(prediction);
      return;
    }
    const waiting = this.#next.length + (this.#given?.bytes ?? 0);
    const bytes = size(prediction.request) + size(prediction.response);
    if (waiting > 2 * this.#limit) {
      this.#lost("redaction_slow", 1);
      return;
    }
    const fits = bytes === 0 || waiting + bytes <= this.#limit;
    // Bodies that should have been stored are counted by the thread.
    if (!fits && !this.#input.keepsBodies) this.#log.lose("unread", 1);
    writePrediction(this.#next, fits ? prediction : { ...prediction, ...withoutBodies(prediction) });
    this.#nextPredictions += 1;
    this.#schedule();
  }

  /** Waits until the log has everything that came. */
  async drained(): Promise<void> {
    if (this.#given || this.#nextPredictions > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#given) return;
    this.#isScheduled = true;
    // Those that end in the same turn of the event loop go together.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#give();
    });
  }

  #give(): void {
    if (this.#given || !this.#worker) return;
    if (this.#nextPredictions === 0) {
      this.#whenIdle?.();
      return;
    }
    const frames: Uint8Array = this.#next.bytes();
    this.#given = { predictions: this.#nextPredictions, bytes: frames.length };
    this.#next = new ByteWriter();
    this.#nextPredictions = 0;
    const message: FramesToRedact = { frames };
    this.#worker.postMessage(message, [frames.buffer as ArrayBuffer]);
  }

  #start(): Worker {
    const worker = new Worker(this.#thread, {
      workerData: this.#input,
      // It needs none, and a crash report would hold it.
      env: {},
    });
    worker.on("message", ({ frames, predictions, unredactable, failed }: RedactedFrames) => {
      this.#given = undefined;
      this.#log.finishFrames(frames, predictions);
      if (unredactable > 0) this.#log.lose("unredactable", unredactable);
      if (failed > 0) this.#lost("redaction_failed", failed);
      this.#give();
    });
    let code = "exit";
    worker.on("error", (error: NodeJS.ErrnoException) => {
      // Not its message, which may hold what was to be redacted.
      code = error.code ?? error.name;
    });
    worker.once("exit", () => {
      this.#onFailure(code);
      this.#worker = undefined;
      const predictions = this.#given?.predictions ?? 0;
      this.#given = undefined;
      if (predictions > 0) this.#lost("redaction_failed", predictions);
      setTimeout(() => {
        this.#worker = this.#start();
        this.#give();
      }, restartMs);
    });
    return worker;
  }

  #lost(reason: "redaction_slow" | "redaction_failed", requests: number): void {
    for (let each = 0; each < requests; each += 1) this.#log.finish();
    this.#log.lose(reason, requests);
  }
}

function size({ chunks }: CapturedBody): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function withoutBodies({ request, response }: CapturedPrediction): Pick<CapturedPrediction, "request" | "response"> {
  const dropped = ({ bytes }: CapturedBody): CapturedBody => ({ chunks: [], bytes, truncated: bytes > 0 });
  return { request: dropped(request), response: dropped(response) };
}
