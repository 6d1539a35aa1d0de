import type { V1PodStatus } from "@kubernetes/client-node";
import type { Progress, ProgressTask } from "../../domain/progress.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { failureOf, isReady } from "../../domain/serving/pods.ts";
import type { RunnableCombination } from "../../domain/trial/combination.ts";
import { type ModelNotStarted, ModelsNotStarted } from "../../domain/trial/notStarted.ts";
import type { BringUpOptions, Trial, TrialAnswer, TrialRequest, TriedModel } from "../../domain/trial/trial.ts";
import { Asker } from "./ask.ts";
import { refuse } from "./refusals.ts";
import type { TrialEvent } from "./spec.ts";

const linesOfFailure = 20;
const lookEveryMs = 1_000;

/** What runs the pods of a trial, wherever that is. */
export interface PodRunner {
  /** Socket of a model, by its place in the combination. */
  socketPath(index: number): string;
  /** The last lines of what a model's container wrote in all of its runs, without times: at most `lines` lines and `bytes` bytes. */
  log(index: number, lines: number, bytes: number): Promise<string>;
  onEvent(listener: (event: TrialEvent) => void): void;
  /** Resolves with the reason once nothing of it runs any more. */
  readonly ended: Promise<string>;
  /** Ends it, and deletes everything that was made for it. */
  end(): Promise<void>;
}

interface Running extends Pick<TriedModel, "name" | "image" | "socketPath"> {
  readonly index: number;
  readonly asker: Asker;
  status: V1PodStatus | undefined;
  readyAfterMs: number | null;
  /** Restarts before it was ready for the first time. */
  restartsBefore: number | undefined;
}

/** A trial that was begun. */
export class RunningTrial implements Trial {
  readonly #runner: PodRunner;
  readonly #models: readonly Running[];
  readonly #dispose: () => Promise<void>;
  #state: Extract<TrialEvent, { kind: "state" }> | undefined;
  #changed: () => void = () => {};
  #disposing: Promise<void> | undefined;
  #ended: string | undefined;

  /** @param images - reference of each model's image, in the combination's order */
  constructor(
    runner: PodRunner,
    { models }: RunnableCombination,
    images: readonly string[],
    dispose: () => Promise<void>,
  ) {
    this.#runner = runner;
    this.#dispose = dispose;
    this.#models = models.map(({ name }, index) => {
      const socketPath = runner.socketPath(index);
      return {
        index,
        name,
        image: images[index] ?? "",
        socketPath,
        asker: new Asker(socketPath),
        status: undefined,
        readyAfterMs: null,
        restartsBefore: undefined,
      };
    });
    runner.onEvent((event) => this.#see(event));
    void runner.ended.then((reason) => {
      this.#ended = reason;
      this.#changed();
    });
  }

  get models(): readonly TriedModel[] {
    return this.#models.map(({ name, image, socketPath, readyAfterMs }) => ({
      name,
      image,
      socketPath,
      startedInMs: readyAfterMs ?? 0,
    }));
  }

  async ask(model: string, request: TrialRequest): Promise<TrialAnswer> {
    return this.#named(model).asker.ask(request);
  }

  async logs(model: string, bytes = 64 * 1024): Promise<string> {
    return this.#runner.log(this.#named(model).index, Number.MAX_SAFE_INTEGER, bytes);
  }

  async restarts(model: string): Promise<number> {
    const { status, restartsBefore = 0 } = this.#named(model);
    return restartsOf(status) - restartsBefore;
  }

  async ended(): Promise<void> {
    const reason = await this.#runner.ended;
    if (this.#disposing === undefined) throw refuse("trial.ended", { reason });
    await this.#disposing;
  }

  dispose(): Promise<void> {
    this.#disposing ??= (async () => {
      await Promise.all(this.#models.map(({ asker }) => asker.close()));
      await this.#dispose();
    })();
    return this.#disposing;
  }

  /**
   * Resolves once every model has been ready.
   * @throws ModelsNotStarted, with each model that can no longer become ready
   */
  async ready({
    progress,
    signal,
    startWithinSeconds = 1800,
  }: Pick<BringUpOptions, "progress" | "signal" | "startWithinSeconds">): Promise<void> {
    const tasks = new Map<Running, ProgressTask>(this.#models.map((each) => [each, progress.begin(each.name)]));
    const startedAt = Date.now();
    let state: ProgressTask | undefined;
    try {
      while (tasks.size > 0) {
        signal.throwIfAborted();
        if (this.#ended !== undefined) throw refuse("trial.ended", { reason: this.#ended });
        state = this.#showState(progress, state);
        const failed: ModelNotStarted[] = [];
        for (const [model, task] of tasks) {
          if (model.readyAfterMs !== null && isReady(observed(model))) {
            model.restartsBefore = restartsOf(model.status);
            task.done(`ready after ${(model.readyAfterMs / 1000).toFixed(1)} s`);
            tasks.delete(model);
            continue;
          }
          const late = (Date.now() - startedAt) / 1000 > startWithinSeconds;
          const reason =
            failureOf(observed(model))?.reason ??
            (late ? `it was not ready within ${startWithinSeconds} s` : undefined);
          if (reason === undefined) task.update(await this.#progressOf(model));
          else
            failed.push({ model: model.name, reason, log: await this.#runner.log(model.index, linesOfFailure, 8192) });
        }
        if (failed.length > 0) throw new ModelsNotStarted(failed);
        if (tasks.size > 0) await this.#change(signal);
      }
    } catch (error) {
      for (const task of [...tasks.values(), ...(state ? [state] : [])]) task.failed();
      throw error;
    }
  }

  /** A task for the state while it is made. @param task - that of before */
  #showState(progress: Progress, task: ProgressTask | undefined): ProgressTask | undefined {
    if (!this.#state) return task;
    const shown = task ?? progress.begin("state");
    if (!this.#state.isDone) {
      shown.update(this.#state.detail);
      return shown;
    }
    shown.done();
    this.#state = undefined;
    return undefined;
  }

  async #progressOf({ index, status }: Running): Promise<string> {
    if (!status?.containerStatuses?.[0]?.state?.running) return "its container starts";
    const said = messageIn((await this.#runner.log(index, 1, 2_000)).trim());
    const again = restartsOf(status) > 0 ? "it ended and starts again" : "it starts";
    return said === "" ? again : `${again}: ${said}`;
  }

  #see(event: TrialEvent): void {
    if (event.kind === "state") this.#state = event;
    const model = event.kind === "pod" ? this.#models[event.index] : undefined;
    if (model && event.kind === "pod") Object.assign(model, { status: event.status, readyAfterMs: event.readyAfterMs });
    this.#changed();
  }

  /** The next event, or a second: logs grow without any. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, lookEveryMs);
      signal.addEventListener("abort", done);
      this.#changed = done;
    });
  }

  #named(name: string): Running {
    const found = this.#models.find((each) => each.name === name);
    if (!found) throw new Error(`no model of the trial is called ${name}`);
    return found;
  }
}

function observed({ name, status }: Running): ObservedPod {
  return { metadata: { name }, ...(status ? { status: status as NonNullable<ObservedPod["status"]> } : {}) };
}

/** Of a line that a truss's server logs, what it says. */
function messageIn(line: string): string {
  try {
    const { message } = JSON.parse(line) as { message?: unknown };
    return typeof message === "string" ? message : line;
  } catch {
    return line;
  }
}

function restartsOf(status: V1PodStatus | undefined): number {
  return status?.containerStatuses?.[0]?.restartCount ?? 0;
}
