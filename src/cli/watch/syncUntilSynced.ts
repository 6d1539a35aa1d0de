import { setTimeout as delay } from "node:timers/promises";
import { ApiRefused, type DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";

/** How far the version's container got. */
export type Reached = Pick<DevelopmentStatus, "state" | "because">;

export interface SyncWait {
  readonly client: DevelopmentVersions;
  readonly versionId: string;
  /** Aborts once the folder holds something else. */
  readonly later: AbortSignal;
  /** Told before each try but the first, with how far it got until then. */
  readonly onTry: (reached: Reached) => void;
  /** Whether nobody waits any longer; asked before each try. */
  readonly isOver: (tries: number, reached: Reached) => boolean;
}

const longestRetryMs = 10_000;
/** An answer that takes longer is explained, in milliseconds. */
const silentMs = 3_000;

/** Syncs until the head answers; false where nobody waits any longer before that. */
export async function syncUntilSynced(
  first: Reached,
  { client, versionId, later, onTry, isOver }: SyncWait,
): Promise<boolean> {
  let reached = first;
  for (let tries = 0; ; tries += 1) {
    if (tries > 0 || first.because !== undefined) onTry(reached);
    if (isOver(tries, reached)) return false;
    if (tries > 0) await pause(tries, later);
    const { state } = reached;
    const asking = { client, versionId, later, onWait: (status: Reached) => onTry(status) };
    reached = await explained(asking, () => syncAgain(client, versionId, state, later));
    if (reached.state === "synced") return true;
  }
}

async function syncAgain(
  client: DevelopmentVersions,
  versionId: string,
  state: Reached["state"],
  later: AbortSignal,
): Promise<Reached> {
  try {
    if (state === "stopped") await client.wake(versionId, later);
    return await client.sync(versionId, later);
  } catch (error) {
    if (error instanceof ApiRefused && isTriedAgain(error)) return { state: "unreachable", because: error.message };
    throw error;
  }
}

export interface Explaining extends Pick<SyncWait, "client" | "versionId" | "later"> {
  /** Told what the answer waits for, as far as the API service knows. */
  readonly onWait: (reached: Reached) => void;
}

/** Asks, and while the answer takes long, says what it waits for: an installation, predictions under way, a pod that starts. */
export async function explained<T>(
  { client, versionId, later, onWait }: Explaining,
  ask: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, later]);
  const explaining = (async () => {
    for (;;) {
      await delay(silentMs, undefined, { signal });
      const status = await client.status(versionId, signal);
      if (status.state !== "synced" && !signal.aborted) onWait(status);
    }
    // It only explains: the answer itself tells what is wrong.
  })().catch(() => {});
  try {
    return await ask();
  } finally {
    over.abort();
    await explaining;
  }
}

/** Longer each time. */
export function pause(tries: number, signal?: AbortSignal): Promise<void> {
  return delay(Math.min(100 * 2 ** tries, longestRetryMs), undefined, { ...(signal ? { signal } : {}) });
}

/** Whether a watch tries again: it outlives a defect of the service too. */
export function isTriedAgain(error: ApiRefused): boolean {
  return error.isTransient || error.code === "internal";
}
