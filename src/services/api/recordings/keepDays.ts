import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { keepPredictionDays } from "../../../adapters/postgres/predictions/keepDays.ts";

/** From the start to the first time, and from one time to the next, in milliseconds. */
const [firstAfterMs, everyMs] = [60_000, 60 * 60_000];

/** Lets recorded predictions go once they are past their days, until `signal`: a recorder that is paused does not. */
export async function keepRecordedDays(pool: Pool, log: Logger, signal: AbortSignal): Promise<void> {
  for (let pause = firstAfterMs; ; pause = everyMs) {
    try {
      await delay(pause, undefined, { signal, ref: false });
    } catch {
      return;
    }
    try {
      for (const { schema, dropped, error } of await keepPredictionDays(pool)) {
        if (error !== undefined) log.warn({ err: error, schema }, "days of recorded predictions are not kept");
        else if (dropped > 0) log.info({ schema, dropped }, "recorded predictions past their days are dropped");
      }
    } catch (error) {
      log.warn({ err: error }, "days of recorded predictions are not kept");
    }
  }
}
