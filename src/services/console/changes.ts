import { setTimeout as delay } from "node:timers/promises";

/** Told of changes while it listens. */
export type ChangeListener = (change: "state" | "counts") => void;

export interface ChangeFeed {
  /** Calls `listener` with each change; answers what ends that. */
  listen(listener: ChangeListener): () => void;
  readonly listeners: number;
}

/** How often the database is asked whether something changed, while somebody listens; and how often counts are taken for new. Milliseconds. */
const askEveryMs = 500;
const countsEveryMs = 5_000;

/**
 * One question for everybody who looks: while nobody does, nothing is asked. A question that fails changes nothing.
 *
 * @param mark - differs whenever something changed
 */
export function changeFeed(mark: () => Promise<string>, onError: (error: unknown) => void): ChangeFeed {
  const listeners = new Set<ChangeListener>();
  let isAsking = false;

  async function ask(): Promise<void> {
    let last: string | undefined;
    let countedAt = performance.now();
    while (listeners.size > 0) {
      const found: string | undefined = await mark().catch((error: unknown) => {
        onError(error);
        return undefined;
      });
      if (found !== undefined && last !== undefined && found !== last) for (const tell of listeners) tell("state");
      last = found ?? last;
      if (performance.now() - countedAt >= countsEveryMs) {
        countedAt = performance.now();
        for (const tell of listeners) tell("counts");
      }
      await delay(askEveryMs);
    }
    isAsking = false;
  }

  return {
    listen(listener) {
      listeners.add(listener);
      if (!isAsking) {
        isAsking = true;
        void ask();
      }
      return () => {
        listeners.delete(listener);
      };
    },
    get listeners() {
      return listeners.size;
    },
  };
}
