import type { ClientBase } from "pg";
import { watched } from "../../integration/adapters/postgres/zoo/migration/world/client.ts";
import type { KillPoint } from "./killedAtPoints.ts";

/** Gives a client that stops at the run's point. */
export type Hold = (client: ClientBase) => ClientBase;

/** Runs side by side, each of which stops at one of its statements until all of them are let go. */
export class HeldRuns {
  readonly #all = Promise.withResolvers<void>();
  readonly #sending = Promise.withResolvers<void>();
  readonly #resuming = Promise.withResolvers<void>();
  readonly #count: number;
  readonly #losesAnswers: boolean;
  #arrived = 0;
  #stopped = 0;

  /** @param losesAnswers - runs that stop after a statement never see its answer: the server did it, and was gone before it could say so */
  constructor(count: number, { losesAnswers = false } = {}) {
    this.#count = count;
    this.#losesAnswers = losesAnswers;
  }

  /** Resolved when every run is at its point, or through. */
  get ready(): Promise<void> {
    return this.#all.promise;
  }

  /** How many are at their point, or through. */
  get arrived(): number {
    return this.#arrived;
  }

  /** How many have been at their point. */
  get stopped(): number {
    return this.#stopped;
  }

  /** Does the work of one run. */
  async run<T>({ statement, when }: KillPoint, work: (hold: Hold) => Promise<T>): Promise<T> {
    let isThere = false;
    const arrive = (): void => {
      if (isThere) return;
      isThere = true;
      this.#arrived += 1;
      if (this.#arrived === this.#count) this.#all.resolve();
    };
    const stop = async (until: Promise<void>): Promise<void> => {
      this.#stopped += 1;
      arrive();
      await until;
    };
    const hold: Hold = (client) =>
      watched(client, {
        before: async (number) => {
          if (number !== statement || when === "after") return;
          await stop((when === "sent" ? this.#sending : this.#resuming).promise);
        },
        after: async (number) => {
          if (number !== statement || when !== "after") return;
          await stop(this.#resuming.promise);
          if (this.#losesAnswers) throw new Error("Connection terminated unexpectedly");
        },
      });
    try {
      return await work(hold);
    } finally {
      arrive();
    }
  }

  /** Lets the statements leave whose runs stop while the server works on them. Resolved once they are on their way. */
  send(): Promise<void> {
    this.#sending.resolve();
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets all go on. */
  resume(): void {
    this.#sending.resolve();
    this.#resuming.resolve();
  }
}
