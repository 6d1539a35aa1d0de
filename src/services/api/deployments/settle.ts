import type { Pool } from "pg";
import { tryDeploymentLock, unlockDeployments } from "../../../adapters/postgres/deploymentLock.ts";
import { environmentsWithOpenIntent, type Observe, settleOpen } from "../../../adapters/postgres/deployments.ts";

/** How often open intents are looked for, in milliseconds: thrice in the minute that is promised. */
const everyMs = 20_000;

interface Settling {
  readonly pool: Pool;
  /** Reads what the environment serves. */
  readonly observe: Observe;
  readonly log: { info(details: object, message: string): void; warn(details: object, message: string): void };
  readonly signal: AbortSignal;
}

/**
 * Settles deployments that never came to their end. An `up` that lives holds the lock of its environment; who gets it knows
 * that nobody is at work, and several replicas do not settle twice.
 */
export function settleDeployments(settling: Settling): void {
  const { signal, log } = settling;
  const timer = setInterval(() => {
    settleOnce(settling).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error }, "open deployments were not settled");
    });
  }, everyMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Settles every intent that is open and whose `up` is gone; answers their environments. */
export async function settleOnce({ pool, observe, log }: Omit<Settling, "signal">): Promise<string[]> {
  const client = await pool.connect();
  const settled: string[] = [];
  let failed: Error | undefined;
  try {
    for (const environment of await environmentsWithOpenIntent(client)) {
      if (!(await tryDeploymentLock(client, environment))) continue;
      try {
        const deploymentId = await settleOpen(client, environment, observe, "api");
        if (deploymentId === undefined) continue;
        log.info({ environment, deploymentId }, "settled a deployment that did not come to its end");
        settled.push(environment);
      } finally {
        await unlockDeployments(client, environment);
      }
    }
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // A connection that failed may still hold the lock: it must not go back into the pool.
    client.release(failed);
  }
  return settled;
}
