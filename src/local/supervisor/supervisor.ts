import { messageOf } from "../../domain/errors.ts";
import { type PartSpec, type PartStatus, SupervisedProcess } from "./supervisedProcess.ts";

/** Work that is done once between parts, such as making the CRDs once the API server is ready. Idempotent. */
export interface StepSpec {
  readonly name: string;
  readonly after: readonly string[];
  run(signal: AbortSignal): Promise<void>;
}

export interface SupervisorStatus {
  /** All steps are done and all parts are ready now. */
  readonly ready: boolean;
  readonly parts: readonly PartStatus[];
  /** Steps that are still to be done, with the error of the last try. */
  readonly pendingSteps: readonly { readonly name: string; readonly lastError: string | null }[];
}

const retryStepMs = 500;

/** Starts parts and steps in the order of their `after` lists and keeps the parts running. */
export class Supervisor {
  readonly #parts: readonly SupervisedProcess[];
  readonly #steps: readonly StepSpec[];
  readonly #stepErrors = new Map<string, string | null>();
  readonly #finished = new Map<string, Promise<void>>();
  readonly #abort = new AbortController();
  readonly #log: (line: string) => void;
  #ready = false;

  constructor(options: {
    parts: readonly PartSpec[];
    steps: readonly StepSpec[];
    logs: string;
    log: (line: string) => void;
  }) {
    this.#parts = options.parts.map((spec) => new SupervisedProcess(spec, options.logs));
    this.#steps = options.steps;
    this.#log = options.log;
    for (const step of options.steps) this.#stepErrors.set(step.name, null);
  }

  get status(): SupervisorStatus {
    return {
      ready: this.#ready && !this.#abort.signal.aborted && this.#parts.every((part) => part.status.state === "ready"),
      parts: this.#parts.map((part) => part.status),
      pendingSteps: [...this.#stepErrors].map(([name, lastError]) => ({ name, lastError })),
    };
  }

  /** Resolves when everything was ready once. */
  async start(): Promise<void> {
    const startedAt = Date.now();
    const elapsed = (): string => `${((Date.now() - startedAt) / 1000).toFixed(2)} s`;
    const started = [
      ...this.#parts.map((part) => ({
        name: part.spec.name,
        after: part.spec.after,
        finish: async () => {
          void part.run();
          await part.ready;
        },
      })),
      ...this.#steps.map((step) => ({ name: step.name, after: step.after, finish: () => this.#runStep(step) })),
    ];
    const waiting = new Map(started.map((item) => [item.name, Promise.withResolvers<void>()]));
    for (const [name, { promise }] of waiting) this.#finished.set(name, promise);
    for (const item of started) {
      void (async () => {
        await Promise.all(item.after.map((name) => this.#waitFor(name)));
        if (this.#abort.signal.aborted) return;
        await item.finish();
        this.#log(`${item.name} ready after ${elapsed()}`);
        waiting.get(item.name)?.resolve();
      })();
    }
    await Promise.all(this.#finished.values());
    this.#ready = true;
    this.#log(`everything ready after ${elapsed()}`);
  }

  /** Stops the parts, those that others depend on last. */
  async stop(graceMs: number): Promise<void> {
    this.#abort.abort();
    const remaining = new Set(this.#parts);
    while (remaining.size > 0) {
      const neededByOthers = new Set([...remaining].flatMap((part) => this.#partsBefore(part.spec)));
      const layer = [...remaining].filter((part) => !neededByOthers.has(part.spec.name));
      await Promise.all(layer.map((part) => part.stop(graceMs)));
      for (const part of layer) remaining.delete(part);
    }
  }

  /** The parts that `spec` depends on, also through steps. */
  #partsBefore(spec: { after: readonly string[] }): string[] {
    return spec.after.flatMap((name) => {
      const step = this.#steps.find((candidate) => candidate.name === name);
      return step ? this.#partsBefore(step) : [name];
    });
  }

  #waitFor(name: string): Promise<void> {
    const promise = this.#finished.get(name);
    if (!promise) throw new Error(`a part waits for "${name}", which is not among the parts and steps`);
    return promise;
  }

  async #runStep(step: StepSpec): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        await step.run(this.#abort.signal);
        this.#stepErrors.delete(step.name);
        return;
      } catch (error) {
        // What a step needs may have been restarted under it: it is idempotent, so it simply runs again.
        const message = messageOf(error);
        if (this.#stepErrors.get(step.name) !== message) this.#log(`${step.name}: ${message}`);
        this.#stepErrors.set(step.name, message);
        await new Promise((resolve) => setTimeout(resolve, retryStepMs));
      }
    }
  }
}
