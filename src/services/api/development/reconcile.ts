import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { VersionCluster } from "../../../domain/development/ports.ts";
import { messageOf } from "../../../domain/errors.ts";
import type { SyncOutcome } from "./syncToHead.ts";

export interface ReconcileParts {
  readonly cluster: VersionCluster;
  readonly syncToHead: (versionId: string) => Promise<SyncOutcome>;
  readonly now: () => number;
  readonly log: Logger;
  /**
   * Removes services of pushed versions that have no row any more.
   * @default clients cannot push
   */
  readonly orphans?: {
    /** Those of the ids that no version has. */
    readonly missing: (versionIds: readonly string[]) => Promise<readonly string[]>;
    readonly remove: (service: string) => Promise<void>;
  };
}

/** Between two looks, in milliseconds. */
const everyMs = 5_000;
/** A pod that pings is synced at once: one that is not ready after this has lost its pings, or its sync. Milliseconds. */
const patienceMs = 10_000;
/** Between two attempts at a pod that cannot be synced, in milliseconds; doubled each time. */
const firstPause = 10_000;
const longestPause = 300_000;

/** What one replica does for all: {@link reconcileOnce} for ever, until `signal` aborts. */
export async function reconcile(parts: ReconcileParts, signal: AbortSignal): Promise<void> {
  const attempts: Attempts = new Map();
  while (!signal.aborted) {
    // A pod that takes its time does not keep others waiting.
    void reconcileOnce(parts, attempts).catch((error: unknown) =>
      parts.log.warn({ err: error }, `development versions are not looked after: ${messageOf(error)}`),
    );
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
}

/** Pods that were tried: when the next attempt is due, and the pause after that. By container. */
export type Attempts = Map<string, { readonly dueAt: number; readonly pause: number }>;

/** Syncs pods that wait for patches although nobody syncs them: a control server asks 15 times, then never again. */
export async function reconcileOnce(parts: ReconcileParts, attempts: Attempts): Promise<void> {
  const { cluster } = parts;
  const ids = cluster.versions().filter((id) => cluster.service(id)?.isStopped === false);
  const known = new Set(ids.map((id) => cluster.pod(id)?.instance));
  for (const instance of attempts.keys()) if (!known.has(instance)) attempts.delete(instance);
  await removeOrphans(parts);
  await Promise.all(ids.map((id) => syncWaiting(parts, id, attempts)));
}

async function removeOrphans({ cluster, orphans, log }: ReconcileParts): Promise<void> {
  const pushed = cluster.versions().filter((id) => cluster.service(id)?.deploymentId !== undefined);
  if (!orphans || pushed.length === 0) return;
  for (const id of await orphans.missing(pushed)) {
    const name = cluster.service(id)?.name;
    if (name === undefined) continue;
    await orphans.remove(name);
    log.info({ versionId: id, service: name }, "removed the service of a version that was deleted");
  }
}

async function syncWaiting({ cluster, syncToHead, now, log }: ReconcileParts, id: string, attempts: Attempts) {
  const pod = cluster.pod(id);
  if (!pod || pod.isReady || now() - pod.startedAt < patienceMs) return;
  const before = attempts.get(pod.instance);
  if (before && now() < before.dueAt) return;
  const pause = before ? Math.min(before.pause * 2, longestPause) : firstPause;
  attempts.set(pod.instance, { dueAt: now() + pause, pause });
  const { state, reason } = await syncToHead(id);
  log.info({ versionId: id, pod: pod.name, state, reason }, "synced a pod that waited");
}
