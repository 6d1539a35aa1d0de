import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { beginSource, endSource } from "../../../adapters/postgres/traffic/sources.ts";
import { storeBatch } from "../../../adapters/postgres/traffic/storeBatch.ts";
import { messageOf } from "../../../domain/errors.ts";
import type { AppCounts } from "./appCounts.ts";
import { batchQueue } from "./batchQueue.ts";

export interface StoreParts {
  readonly pool: Pool;
  readonly counts: AppCounts;
  /** Name of the pod. */
  readonly pod: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const everyMs = 1_000;

/** Stores this process's counts every second, until `signal` aborts; what the database does not take is kept for a while. */
export function storeAppCounts({ pool, counts, pod, log, signal }: StoreParts): { end(): Promise<void> } {
  const { since } = counts;
  const run = randomUUID();
  let id: Promise<string> | undefined;
  const source = (): Promise<string> => {
    id ??= beginSource(pool, { path: "app", name: pod, run }, since);
    id.catch(() => {
      id = undefined;
    });
    return id;
  };
  const queue = batchQueue({
    store: async (batch) => storeBatch(pool, await source(), batch),
    onLost: ({ observed }) => log.warn({ observed }, "counts of requests are lost: the database did not take them"),
  });
  let silent = 0;

  const store = async (): Promise<void> => {
    try {
      await queue.send();
      silent = 0;
    } catch (error) {
      if (silent % 60 === 0) log.warn({ err: error }, `counts of requests are not stored yet: ${messageOf(error)}`);
      silent += 1;
    }
  };
  const stored = (async () => {
    // At once: nobody else may take this process's seconds for known without it.
    await source().catch(() => {});
    while (!signal.aborted) {
      await delay(everyMs - (Date.now() % everyMs), undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      queue.add(counts.take());
      await store();
    }
  })();

  return {
    async end() {
      await stored;
      const last = counts.take({ all: true });
      queue.add(last);
      await store();
      if (queue.waiting().length === 0) await endSource(pool, await source(), last.observed.until).catch(() => {});
    },
  };
}
