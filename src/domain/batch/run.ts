import type { AnswerLine, WrittenResponse } from "./answerLine.ts";
import { type Heard, judge, type LineFailure } from "./heard.ts";
import { Pace } from "./pace.ts";
import { refuse } from "./refusals.ts";
import { type BatchRequest, type LineFormat, type LineText, readLine } from "./requestLine.ts";

/** One line that has no answer yet. */
export interface BatchLine {
  /** From 1, empty lines counted. */
  readonly number: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
  readonly content: LineText;
}

/** What a batch works with. */
export interface BatchParts {
  readonly model: string;
  readonly format: LineFormat;
  /** Path at the model, of lines that name none; undefined for the one that it predicts at. */
  readonly path: string | undefined;
  /** Where a path of the model is; undefined for one that it does not take. */
  readonly urlOf: (path: string | undefined) => string | undefined;
  /** Answers whatever comes; the signal aborts where no answer can be kept any more. */
  readonly ask: (url: string, body: string, signal: AbortSignal) => Promise<Heard>;
  /** Resolves once the answer is in the file. */
  readonly write: (answer: AnswerLine) => Promise<void>;
  /** A clock that is never set back, in milliseconds. */
  readonly now: () => number;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly settings: BatchSettings;
  /** When it ends early: nothing else is sent, and answers to what was sent still come in. */
  readonly signal: AbortSignal;
  /** Told of each line that has its answer. */
  readonly onAnswered?: (answer: AnswerLine) => void;
}

export interface BatchSettings {
  /** Requests on their way at once, at most. */
  readonly concurrency: number;
  /** How often one line is sent, at most, while others are answered. */
  readonly tries: number;
  /** How long nothing may be answered at all, in milliseconds. */
  readonly patienceMs: number;
  /** Sends again too what may have been carried out. */
  readonly retryAll: boolean;
}

/** Between tries, where the server does not say how long; doubled each time, in milliseconds. */
const [firstWaitMs, longestWaitMs] = [500, 30_000];
/** Answers that wait to be written while others are asked for; in memory, so few. */
const mostUnwritten = 16;
/** So many lines may be sent ahead of the oldest one without an answer: whoever compares the files later keeps no more in memory. */
const mostAhead = 100_000;

/** Sends the lines of a file, each until it has its answer, a few at once. */
export class BatchRun {
  readonly #parts: BatchParts;
  readonly #pace: Pace;
  /** Nothing more is sent. */
  readonly #ended = new AbortController();
  /** Answers that are still under way are given up too. */
  readonly #failed = new AbortController();
  /** Numbers of the lines under way, in the order in which they were begun. */
  readonly #underWay = new Map<number, Promise<void>>();
  /** Of those, lines whose answer waits to be written. */
  #unwritten = 0;
  #changed = Promise.withResolvers<void>();
  /** When the last line had its answer. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Since when nothing but refusals came; undefined where something was answered after the last one. */
  #refusedSince: number | undefined;
  /** Until when nothing is sent, since when that was said, and how often in a row. */
  #pause = { until: 0, since: Number.NEGATIVE_INFINITY, times: 0, reason: "" };
  readonly #counts = { answered: 0, failed: 0, sent: 0 };

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.settings.concurrency, parts.now());
  }

  /** Lines that have an answer now, those among them whose answer is an error, and requests that were sent. */
  get counts(): { readonly answered: number; readonly failed: number; readonly sent: number } {
    return this.#counts;
  }

  /** How many requests may be on their way now. */
  get atOnce(): number {
    return this.#pace.limit;
  }

  /** Why nothing is sent at the moment, and for how many milliseconds more; undefined where it is. */
  get waits(): { readonly reason: string; readonly ms: number } | undefined {
    const { until, reason } = this.#pause;
    const ms = until - this.#parts.now();
    return ms > 0 ? { reason, ms } : undefined;
  }

  /**
   * Sends the lines; resolves when all of them have their answers, or the signal has aborted and what was sent has.
   * @throws OperatorError where nothing is answered for too long, or the key is refused.
   */
  async run(lines: AsyncIterable<BatchLine>): Promise<void> {
    const stop = (): void => this.#end();
    this.#parts.signal.addEventListener("abort", stop, { once: true });
    if (this.#parts.signal.aborted) stop();
    try {
      for await (const line of lines) {
        await this.#room(line.number);
        if (this.#ended.signal.aborted) break;
        this.#begin(line);
      }
    } finally {
      await Promise.all(this.#underWay.values());
      this.#parts.signal.removeEventListener("abort", stop);
    }
    this.#failed.signal.throwIfAborted();
  }

  async #room(number: number): Promise<void> {
    const isFull = (): boolean => {
      const [oldest = number] = this.#underWay.keys();
      const asked = this.#underWay.size - this.#unwritten;
      return asked >= this.#pace.limit || this.#unwritten >= mostUnwritten || number - oldest > mostAhead;
    };
    while (isFull() && !this.#ended.signal.aborted) await this.#change();
  }

  /** Resolves once something changed, or time alone changes the pace. */
  async #change(): Promise<void> {
    const { now, wait } = this.#parts;
    const until = this.#pace.waitsUntil;
    if (until === undefined) return this.#changed.promise;
    const waiting = new AbortController();
    await Promise.race([this.#changed.promise, wait(Math.max(0, until - now()), waiting.signal)]);
    waiting.abort();
    this.#pace.passed(now());
  }

  #begin(line: BatchLine): void {
    const work = this.#answer(line)
      .catch((error: unknown) => {
        if (!this.#failed.signal.aborted) this.#failed.abort(error);
        this.#end();
      })
      .finally(() => {
        this.#underWay.delete(line.number);
        this.#tell();
      });
    this.#underWay.set(line.number, work);
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #end(): void {
    this.#ended.abort();
    this.#tell();
  }

  async #answer(line: BatchLine): Promise<void> {
    const { format, path, urlOf } = this.#parts;
    const request = readLine(line.content, format, path);
    if ("code" in request) return this.#write(line, request.customId, null, request);
    const url = urlOf(request.path);
    if (url !== undefined) return this.#send(line, request, url);
    const message = `the model is not asked at ${String(request.path).slice(0, 200)}`;
    return this.#write(line, request.customId, null, { code: "other_path", message });
  }

  async #send(line: BatchLine, { customId, body }: BatchRequest, url: string): Promise<void> {
    const { now, ask, settings } = this.#parts;
    const begun = now();
    for (let tries = 1; ; tries += 1) {
      await this.#pauseOver();
      if (this.#ended.signal.aborted) return;
      const sentAt = now();
      this.#counts.sent += 1;
      const heard = await ask(url, body, this.#failed.signal);
      if (this.#failed.signal.aborted) return;
      const verdict = judge(heard, settings.retryAll);
      if (verdict.kind === "key_refused") throw refuse("batch.key-refused", verdict);
      const response = heard.kind === "answer" ? heard.response : null;
      if (verdict.kind === "again") {
        const { isOfAll, afterMs, failure } = verdict;
        if (isOfAll) this.#pace.refused(sentAt, now());
        // While nobody is answered, it is not this line that the server has something against.
        const isItsOwn = !isOfAll || this.#answeredAt >= begun;
        if (tries < settings.tries || !isItsOwn) {
          if (isOfAll) this.#pauseAll(url, sentAt, verdict);
          else await this.#parts.wait(Math.min(afterMs ?? backoff(tries), settings.patienceMs), this.#ended.signal);
          continue;
        }
        const message = `${failure.message} (sent ${tries} times)`;
        return this.#write(line, customId, response, { ...failure, message });
      }
      this.#refusedSince = undefined;
      this.#pause.times = 0;
      this.#answeredAt = now();
      if (response) this.#pace.answered(sentAt, now());
      return this.#write(line, customId, response, verdict.kind === "failed" ? verdict.failure : null);
    }
  }

  /** What stands against all requests: nothing is sent for a while. */
  #pauseAll(
    url: string,
    sentAt: number,
    { failure, afterMs }: { readonly failure: LineFailure; readonly afterMs: number | undefined },
  ): void {
    const { now, settings } = this.#parts;
    const time = now();
    const minutes = (ms: number): string => String(Number((ms / 60_000).toPrecision(2)));
    const { answered } = this.#counts;
    this.#refusedSince ??= time;
    // What was sent before the pause was said says the same once more.
    if (sentAt >= this.#pause.since) this.#pause = { ...this.#pause, since: time, times: this.#pause.times + 1 };
    const wait = afterMs ?? backoff(this.#pause.times);
    if (wait > settings.patienceMs) {
      const status = failure.code.replace("http_", "");
      throw refuse("batch.told-to-wait", { url, status, minutes: minutes(wait), answered });
    }
    if (time + wait - this.#refusedSince > settings.patienceMs) {
      const reason = failure.message;
      throw refuse("batch.unanswered", { url, minutes: minutes(time - this.#refusedSince), reason, answered });
    }
    this.#pause.reason = failure.message;
    this.#pause.until = Math.max(this.#pause.until, time + wait);
  }

  async #pauseOver(): Promise<void> {
    for (let waits = this.waits; waits && !this.#ended.signal.aborted; waits = this.waits) {
      await this.#parts.wait(waits.ms, this.#ended.signal);
    }
  }

  async #write(
    { number, sha256 }: BatchLine,
    customId: string | undefined,
    response: WrittenResponse | null,
    failure: LineFailure | null,
  ): Promise<void> {
    const { model, write, onAnswered } = this.#parts;
    const error = failure && { code: failure.code, message: failure.message };
    const answer = { line: number, sha256, model, customId, response, error };
    this.#unwritten += 1;
    this.#tell();
    await write(answer).finally(() => {
      this.#unwritten -= 1;
    });
    this.#counts.answered += 1;
    if (error) this.#counts.failed += 1;
    onAnswered?.(answer);
  }
}

function backoff(times: number): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(times - 1, 30));
}
