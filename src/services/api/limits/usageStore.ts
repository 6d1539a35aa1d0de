import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { removeOldUsage, storeUsage } from "../../../adapters/postgres/limits/storeUsage.ts";
import { takeOfLimits } from "../../../adapters/postgres/limits/takeOfLimits.ts";
import { isDatabaseDown } from "../../../adapters/postgres/server.ts";
import { messageOf } from "../../../domain/errors.ts";
import { type Ask, Limiter } from "../../../domain/limits/limiter.ts";
import type { Grant } from "../../../domain/limits/meter.ts";
import { type UsageBatch, UsageCounts } from "../../../domain/limits/usage.ts";

export interface UsageStoreParts {
  readonly pool: Pool;
  readonly log: Logger;
  /** Whether limits hold; usage is counted anyway. */
  readonly holdsLimits: boolean;
  /** Requests wait so long for their part of a limit; then the database counts as away. Milliseconds. @default 2_000 */
  readonly takeWithinMs?: number;
  readonly signal: AbortSignal;
}

const everyMs = 1_000;
const removeEveryMs = 60 * 60_000;

/** Counts usage and keeps to limits, and stores both every second until `signal` aborts. What the database does not take is kept. */
export function usageStore({ pool, log, holdsLimits, takeWithinMs = 2_000, signal }: UsageStoreParts) {
  const run = randomUUID();
  const counts = new UsageCounts();
  /** The database's clock against that of the process, from its last answer. */
  let ahead = Date.now() - performance.now();
  const databaseTime = () => performance.now() + ahead;

  const take = async (asks: readonly Ask[]): Promise<readonly Grant[]> => {
    const asked = performance.now();
    const grants = await within(takeWithinMs, takeOfLimits(pool, asks));
    const [first] = grants;
    // A minute and a day end by the same clock, so one of them tells it.
    if (first && asks[0]) ahead = clockOf(first, asks[0]) - asked;
    return grants;
  };
  let warnedAt = Number.NEGATIVE_INFINITY;
  const onAway = (error: unknown): void => {
    if (performance.now() - warnedAt < 60_000) return;
    warnedAt = performance.now();
    log.warn({ err: error }, `limits are kept from what was known last: ${messageOf(error)}`);
  };
  const limiter = holdsLimits ? new Limiter({ take, now: () => performance.now(), databaseTime, onAway }) : undefined;

  /** The batch that may be stored already, though nobody heard of it: it is sent again as it was. */
  let tried: UsageBatch | undefined;
  let number = 0;
  let silent = 0;
  const store = async (options: { readonly all?: boolean } = {}): Promise<boolean> => {
    if (!tried) {
      tried = counts.take(limiter?.adjustments(options) ?? []);
      if (!tried) return true;
      number += 1;
    }
    try {
      const time = await storeUsage(pool, run, number, tried);
      ahead = time - performance.now();
      tried = undefined;
      silent = 0;
      return true;
    } catch (error) {
      if (isDatabaseDown(error)) {
        if (silent % 60 === 0) log.warn({ err: error }, `usage is not stored yet: ${messageOf(error)}`);
        silent += 1;
        return false;
      }
      // The same again would be refused again, and everything behind it would wait.
      log.error({ err: error, batch: tried }, `usage is lost: ${messageOf(error)}`);
      tried = undefined;
      return false;
    }
  };

  const stored = (async () => {
    let removedAt = performance.now();
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      await store();
      if (performance.now() - removedAt < removeEveryMs) continue;
      removedAt = performance.now();
      await removeOldUsage(pool).catch((error: unknown) => log.warn({ err: error }, "old usage is not removed"));
    }
  })();

  return {
    limiter,
    counts,
    /** UTC day by the database's clock. */
    day: () => new Date(databaseTime()).toISOString().slice(0, 10),
    /** After `signal`: stores what is left, and gives everything back that is not used. */
    async end(): Promise<void> {
      await stored;
      // What was tried before, and then what came since.
      if (await store({ all: true })) await store({ all: true });
    },
  };
}

function clockOf({ since, leftMs }: Grant, { kind }: Ask): number {
  const length = kind === "tokensPerDay" ? 86_400_000 : 60_000;
  return since + length - leftMs;
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
