import type { Pool } from "pg";
import { tryDeploymentLock, unlockDeployments } from "../../../adapters/postgres/deploymentLock.ts";
import { closeAbandoned, environmentsWithOpenIntent, type Observe } from "../../../adapters/postgres/deployments.ts";

/** How often open intents are looked for, in milliseconds: thrice in the minute that is promised. */
const everyMs = 20_000;

interface AbandonedWork {
  readonly pool: Pool;
  /** Reads what the environment serves. */
  readonly observe: Observe;
  readonly log: { info(details: object, message: string): void; warn(details: object, message: string): void };
  readonly signal: AbortSignal;
}

/**
 * Closes deployments whose `up` is gone before their end. An `up` that lives holds the lock of its environment; who gets it knows
 * that nobody is at work, and several replicas do not close one twice.
 */
export function closeAbandonedDeployments(work: AbandonedWork): void {
  const { signal, log } = work;
  const timer = setInterval(() => {
    closeAbandonedOnce(work).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error }, "open deployments were not closed");
    });
  }, everyMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Closes every intent that is open and whose `up` is gone; answers their environments. */
export async function closeAbandonedOnce({ pool, observe, log }: Omit<AbandonedWork, "signal">): Promise<string[]> {
  const client = await pool.connect();
  const closed: string[] = [];
  let failed: Error | undefined;
  try {
    for (const environment of await environmentsWithOpenIntent(client)) {
      if (!(await tryDeploymentLock(client, environment))) continue;
      try {
        const deploymentId = await closeAbandoned(client, environment, observe, "api");
        if (deploymentId === undefined) continue;
        log.info({ environment, deploymentId }, "closed a deployment that did not come to its end");
        closed.push(environment);
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
  return closed;
}
