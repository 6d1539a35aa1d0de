import type { Logger } from "pino";
import type { SignedPatchStore } from "../../../adapters/postgres/trussPatches.ts";
import type { DevelopmentStatus } from "../../../domain/development/contract.ts";
import { installerReason } from "../../../domain/development/installerReason.ts";
import type { VersionCluster, VersionPod } from "../../../domain/development/ports.ts";
import { messageOf } from "../../../domain/errors.ts";
import type { PatchOperation } from "../../../domain/patch/operation.ts";
import type { Clock, ControlServer, Reply } from "../../../domain/patch/ports.ts";
import { sync } from "../../../domain/patch/sync.ts";
import type { SyncResult } from "../../../domain/patch/turn.ts";
import { withholding } from "../../../domain/patch/withheld.ts";
import { credentialFiles } from "../../../domain/serving/credentialFiles.ts";
import { parseTrussConfig } from "../../../domain/truss/config.ts";
import type { Containers } from "./containers.ts";

/** How far a version's container was brought. */
export interface SyncOutcome {
  readonly state: DevelopmentStatus["state"];
  readonly reason?: string;
  readonly runningHash: string | null;
  readonly hot: boolean;
  /** How long the container took for the last patch, in milliseconds. @default 0, none was sent */
  readonly applyMs?: number;
}

/** What {@link syncToHead} works with. */
export interface SyncParts {
  readonly store: SignedPatchStore;
  readonly cluster: VersionCluster;
  readonly containers: Containers;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Logger;
}

/** How long the cluster may take to tell of a change before it is looked at again, in milliseconds. */
const lookAgain = 1_000;
/** A service that was just applied is not known yet. */
const unknownFor = 3_000;

/**
 * Syncs whatever pod a version has, through its replacement where only a new one helps, until the head answers, nothing
 * more can be done, or `withinMs` are over. Each container is synced once: it is the sync that has patience with it, and what is waited
 * for here is the next one. A stopped version is left alone.
 */
export async function syncToHead(parts: SyncParts, versionId: string, withinMs: number): Promise<SyncOutcome> {
  const { cluster, clock, log } = parts;
  const begun = clock.now();
  const left = (): number => begun + withinMs - clock.now();
  const seen = (state: SyncOutcome["state"], reason: string, runningHash: string | null = null): SyncOutcome => ({
    state,
    reason,
    runningHash,
    hot: false,
  });
  /** Containers that another one takes the place of, with what is said while it is not there. */
  const over = new Map<string, SyncOutcome>();
  for (;;) {
    const service = cluster.service(versionId);
    if (service?.isStopped) return seen("stopped", "it is stopped; a request or `wake` starts it");
    if (!service && clock.now() - begun >= Math.min(unknownFor, withinMs))
      return seen("unreachable", cluster.isListed() ? "it is not deployed" : "the cluster does not answer");
    const pod = cluster.pod(versionId);
    const ended = pod && over.get(pod.instance);
    if (!pod || ended) {
      if (left() <= 0) return ended ?? seen("waking", "its pod is starting");
      await cluster.changed(Math.min(lookAgain, Math.max(left(), 1)));
      continue;
    }
    const result = await syncPod(parts, versionId, pod, Math.max(left(), 1));
    switch (result?.state) {
      case "synced":
        return { state: "synced", runningHash: result.hash, hot: result.hot, applyMs: result.applyMs };
      case "recreate":
        log.warn({ versionId, pod: pod.name }, `a new pod is needed: ${result.reason}`);
        over.set(pod.instance, seen("recreate", result.reason));
        await cluster.deletePod(pod.name);
        break;
      case "replaced":
        // The cluster has not told of the later one yet.
        over.set(pod.instance, seen("waking", result.reason));
        break;
      case "failed":
        return seen("behind", await withInstaller(parts, versionId, result.reason), result.running.hash);
      case "fullDeployment":
        return seen("behind", result.reason, result.running.hash);
      case "unsettled":
        return seen(result.running.hash === null ? "unreachable" : "behind", result.reason, result.running.hash);
      default:
    }
  }
}

/** Lines of the log that an installer's last words are looked for in. */
const installerLines = 200;

/** The control server only knows that its installer failed; why is in the container's log. */
async function withInstaller({ cluster }: SyncParts, versionId: string, reason: string): Promise<string> {
  if (!/non-zero exit status/.test(reason)) return reason;
  const lines = await cluster.logs(versionId, installerLines).catch(() => []);
  const installer = installerReason(lines.map(({ text }) => text));
  return installer === undefined ? reason : `the requirement cannot be installed: ${installer}`;
}

/** Undefined when the pod went away meanwhile. */
async function syncPod(
  parts: SyncParts,
  versionId: string,
  pod: VersionPod,
  withinMs: number,
): Promise<SyncResult | undefined> {
  const { store, containers, clock, newId, cluster } = parts;
  let isGone = false;
  const over = new AbortController();
  const gone = (async () => {
    while (!over.signal.aborted) {
      if (cluster.pod(versionId)?.instance !== pod.instance) {
        isGone = true;
        return undefined;
      }
      await cluster.changed(lookAgain);
    }
    return undefined;
  })();
  const own = withholding(containers.of(pod), () => readsFiles(parts, versionId, pod));
  const control = unless(() => isGone, own, pod);
  const { seen } = containers;
  const synced = sync(versionId, { store, control, clock, newId, seen }, { withinMs });
  try {
    return await Promise.race([synced, gone]);
  } finally {
    over.abort();
    // What goes on in the background may fail with the pod that it was for.
    synced.catch((error: unknown) => parts.log.debug({ versionId }, messageOf(error)));
  }
}

/** Whether a container looks for credentials where they are written: below the folder of packages that its truss names. */
async function readsFiles({ store }: SyncParts, versionId: string, pod: VersionPod): Promise<boolean> {
  if (!pod.readsCredentialFiles) return false;
  const head = await store.readHead(versionId);
  return (
    head !== undefined && parseTrussConfig(head.signature.config).bundled_packages_dir === credentialFiles.packages
  );
}

/**
 * The control server, which answers nothing any more once its pod is gone: the address may be another pod's by then. Variables that the
 * stack sets are not patched, for in a new pod they would be the stack's again.
 */
function unless(isGone: () => boolean, control: ControlServer, { variables }: VersionPod): ControlServer {
  const reason = "its pod is gone";
  const asking = <T>(ask: () => Promise<Reply<T>>): Promise<Reply<T>> =>
    isGone() ? Promise.resolve({ ok: false, reason }) : ask();
  return {
    instance: control.instance,
    startedAt: control.startedAt,
    runningHash: () => asking(() => control.runningHash()),
    isPartiallyApplied: () => asking(() => control.isPartiallyApplied()),
    restartInference: () => asking(() => control.restartInference()),
    stopInference: () => asking(() => control.stopInference()),
    patch: async ({ patches, ...request }) => {
      if (isGone()) return { kind: "unknown", reason };
      return control.patch({ ...request, patches: patches.filter((op) => !isOfStack(op, variables)) });
    },
    probe: async () => (isGone() ? { answers: false, state: "unreachable", reason } : control.probe()),
  };
}

function isOfStack({ type, body }: PatchOperation, variables: ReadonlySet<string>): boolean {
  return type === "environment_variable" && Object.keys(body.item).every((name) => variables.has(name));
}
