import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import type { SignedHead, SignedPatchStore } from "../../../adapters/postgres/trussPatches.ts";
import type {
  DevelopmentStatus,
  GenerationRequest,
  PatchAnswer,
  PatchRequest,
} from "../../../domain/development/contract.ts";
import { messageOf } from "../../../domain/errors.ts";
import { headOf, short } from "../../../domain/patch/chain.ts";
import { deploymentReasons } from "../../../domain/patch/compute.ts";
import { consistentOperations } from "../../../domain/patch/consistency.ts";
import { parseOperations } from "../../../domain/patch/operationSchema.ts";
import { plainHash } from "../../../domain/patch/position.ts";
import { keepRecent } from "../../../domain/recentlyUsed.ts";
import { hashOfSignature } from "../../../domain/truss/hash.ts";
import { requirementsOf } from "../../../domain/truss/signature.ts";
import { ApiError } from "../apiError.ts";
import type { Waking } from "../sleep/waking.ts";
import { type SyncOutcome, type SyncParts, syncToHead } from "./syncToHead.ts";
import { turns } from "./turns.ts";

/** What development versions are worked with. */
export interface VersionParts extends SyncParts {
  /** Namespace of the models. */
  readonly namespace: string;
  readonly waking: Pick<Waking, "keep" | "wake" | "answered">;
  /** How long one sync may take. Milliseconds. @default 100_000 */
  readonly syncWithin?: number;
}

/** Work on development versions, for whoever may: rights are checked before. */
export interface Versions {
  status(version: DevelopmentVersion): Promise<DevelopmentStatus>;
  /** @param sentBy - as records name them, such as `key Ab12Cd34` */
  patch(version: DevelopmentVersion, request: PatchRequest, sentBy: string): Promise<PatchAnswer>;
  startGeneration(version: DevelopmentVersion, request: GenerationRequest): Promise<DevelopmentStatus>;
  sync(version: DevelopmentVersion): Promise<DevelopmentStatus>;
  /** Brings the container to the head; shared by all who ask at the same time. */
  syncToHead(versionId: string): Promise<SyncOutcome>;
  wake(version: DevelopmentVersion): Promise<DevelopmentStatus>;
  /** Whether a container that starts with `hash` has all there is; if not it is synced, in the background. */
  ping(versionId: string, hash: string | null): Promise<boolean>;
}

export function developmentVersions(parts: VersionParts): Versions {
  const { store, cluster, log } = parts;
  const configs = new Map<string, string>();
  const syncTurn = turns((versionId) => syncToHead(parts, versionId, parts.syncWithin ?? 100_000));
  /** What counts as a use. */
  const keep = async <T>(versionId: string, work: () => Promise<T>): Promise<T> => {
    const name = cluster.service(versionId)?.name;
    return name === undefined ? work() : parts.waking.keep(name, work);
  };
  const syncKept = (versionId: string): Promise<SyncOutcome> =>
    keep(versionId, async () => {
      const outcome = await syncTurn(versionId);
      const name = cluster.service(versionId)?.name;
      if (outcome.state === "synced" && name !== undefined) parts.waking.answered(name);
      return outcome;
    });

  const status = async (version: DevelopmentVersion, synced?: SyncOutcome): Promise<DevelopmentStatus> => {
    const head = await headOfVersion(store, version);
    const { state, reason, runningHash } = synced ?? (await look(parts, version.id));
    return {
      versionId: version.id,
      model: version.model,
      namespace: parts.namespace,
      generation: head.generation,
      headHash: head.hash,
      headSignature: head.signature,
      seq: head.seq,
      runningHash,
      state,
      ...(reason === undefined ? {} : { because: reason }),
    };
  };

  return {
    status: (version) => status(version),
    syncToHead: syncTurn,
    async patch(version, request, sentBy) {
      const begun = performance.now();
      const stored = await storePatch(store, configs, version, request, sentBy);
      const storedAt = performance.now();
      if (request.takeover) log.info({ versionId: version.id, seq: stored.seq }, "a client took the head over");
      const unasked: SyncOutcome = {
        state: "behind",
        reason: "it was not asked to be synced",
        runningHash: null,
        hot: false,
      };
      const synced = await (request.sync === false ? keep(version.id, async () => unasked) : syncKept(version.id));
      const syncMs = rounded(performance.now() - storedAt);
      const applyMs = synced.applyMs ?? 0;
      // Whoever waits for the answer does not wait for this.
      if (synced.state === "synced")
        store
          .recordReload(version.id, stored, { isHot: synced.hot, tookMs: syncMs, applyMs })
          .catch((error: unknown) => log.warn({ err: error }, `a reload is not noted: ${messageOf(error)}`));
      return {
        headHash: stored.hash,
        seq: stored.seq,
        state: synced.state,
        ...(synced.reason === undefined ? {} : { because: synced.reason }),
        runningHash: synced.runningHash,
        hot: synced.hot,
        timings: {
          store: rounded(storedAt - begun),
          sync: syncMs,
          apply: applyMs,
        },
      };
    },
    async startGeneration(version, { hash, signature }) {
      refuseOtherHash(hash, signature, "hash");
      const generation = await store.ensureGeneration(version.id, hash, signature);
      log.info({ versionId: version.id, generation, hash: short(hash) }, "a full deployment starts a generation");
      return keep(version.id, () => status(version));
    },
    async sync(version) {
      await headOfVersion(store, version);
      return status(version, await syncKept(version.id));
    },
    async wake(version) {
      const service = cluster.service(version.id);
      if (service) await parts.waking.wake(service.name);
      if (service?.isStopped) {
        const reason = "it was stopped and is starting";
        return status(version, { state: "waking", reason, runningHash: null, hot: false });
      }
      return status(version);
    },
    async ping(versionId, hash) {
      const state = await store.read(versionId);
      // Of a chain without patches the image itself is the head. After patches only a sync knows what the disk holds.
      const isCurrent = state !== undefined && state.chain.patches.length === 0 && state.chain.baseHash === hash;
      syncTurn(versionId).then(
        ({ state: reached, reason }) => log.info({ versionId, reached, reason }, "synced a container that started"),
        (error: unknown) =>
          log.warn({ versionId, err: error }, `a container that started is not synced: ${messageOf(error)}`),
      );
      return isCurrent;
    },
  };
}

const underWay = "the patch is under way: it waits for predictions that are not done yet, or for what it installs";

/** The version's state without touching anything. */
async function look(parts: VersionParts, versionId: string): Promise<SyncOutcome> {
  const { cluster, containers, store } = parts;
  const seen = (
    state: SyncOutcome["state"],
    reason: string | undefined,
    runningHash: string | null = null,
  ): SyncOutcome => ({
    state,
    runningHash,
    hot: false,
    ...(reason === undefined ? {} : { reason }),
  });
  const service = cluster.service(versionId);
  if (!cluster.isListed()) return seen("unreachable", "the cluster does not answer");
  if (!service) return seen("unreachable", "it is not deployed");
  if (service.isStopped) return seen("stopped", "it is stopped; a request or `wake` starts it");
  const pod = cluster.pod(versionId);
  if (!pod) return seen("waking", "its pod is starting");
  const running = await containers.of(pod).runningHash();
  if (!running.ok) return seen(pod.isReady ? "unreachable" : "waking", running.reason);
  const hash = running.value === null ? null : plainHash(running.value);
  const state = await store.read(versionId);
  if (!state) return seen("behind", "it was never deployed in full", hash);
  const { chain, record } = state;
  const own = record?.instance === pod.instance && record.generation === chain.generation ? record : undefined;
  if (own?.broken) return seen("recreate", own.broken, hash);
  const head = headOf(chain);
  if (own && own.at === head.seq && !own.intent && hash === head.hash) {
    return pod.isReady ? seen("synced", undefined, hash) : seen("waking", "the model is loading", hash);
  }
  if (own?.intent) return seen("behind", underWay, hash);
  return seen("behind", `it runs ${short(hash)}, the head is ${short(head.hash)}`, hash);
}

async function headOfVersion(store: SignedPatchStore, version: DevelopmentVersion): Promise<SignedHead> {
  const head = await store.readHead(version.id);
  if (head) return head;
  throw neverDeployed(version);
}

function neverDeployed({ id, model }: DevelopmentVersion): ApiError {
  return new ApiError("never_deployed", `version ${id} of model ${model} was never deployed in full`);
}

/** config.yaml of the head; undefined where the head is not the one with `hash`. */
async function configOfHead(store: SignedPatchStore, version: DevelopmentVersion, hash: string) {
  const head = await headOfVersion(store, version);
  return head.hash === hash ? head.signature.config : undefined;
}

/** So many files config.yaml of heads are known without asking: a hash has but one. */
const keptConfigs = 256;

/** Checks a patch and stores it at the head. */
async function storePatch(
  store: SignedPatchStore,
  configs: Map<string, string>,
  version: DevelopmentVersion,
  { prevHash, nextHash, nextSignature, patches }: PatchRequest,
  sentBy: string,
): Promise<{ readonly hash: string; readonly seq: number }> {
  if (prevHash === nextHash)
    throw new ApiError("bad_request", "nextHash: is the same as prevHash; there is nothing to patch");
  refuseOtherHash(nextHash, nextSignature, "nextHash");
  const known = configs.get(`${version.id} ${prevHash}`);
  // Only where the patch would be refused does it matter whether that still is the head.
  const isFollowed = known !== undefined && deploymentReasons(known, nextSignature.config).length === 0;
  const before = isFollowed ? known : await configOfHead(store, version, prevHash);
  refuseUnpatchable(version, before, nextSignature.config, patches);
  const ops = consistentOperations(parseOperations(patches), nextSignature);
  const requirements = requirementsOf(nextSignature);
  const result = await store.appendSigned(version.id, { prevHash, nextHash, ops, requirements, sentBy }, nextSignature);
  if (!result) throw neverDeployed(version);
  if ("stored" in result) {
    keepRecent(configs, `${version.id} ${nextHash}`, nextSignature.config, keptConfigs);
    return { hash: result.stored.nextHash, seq: result.stored.seq };
  }
  if (result.refused === "too_large") throw new ApiError("body_too_large", result.reason);
  if (result.refused === "too_many") throw needsFullDeploy(version, [result.reason]);
  const now = await headOfVersion(store, version);
  throw new ApiError("stale", result.reason, undefined, { headHash: now.hash, headSignature: now.signature });
}

/** A version that a stack declares is built by the stack alone. */
export function needsFullDeploy(version: DevelopmentVersion, reasons: readonly string[]): ApiError {
  const how = version.isOwnedByApi ? "push it in full" : "run `pulumi up`";
  return new ApiError("needs_full_deploy", `${reasons.join("; ")}: ${how}`, undefined, { reasons });
}

function refuseUnpatchable(
  version: DevelopmentVersion,
  before: string | undefined,
  after: string,
  patches: readonly unknown[],
): void {
  const reasons = [
    ...(before === undefined ? [] : deploymentReasons(before, after)),
    ...(patches.some(isSystemPackage) ? ["system packages are part of the image"] : []),
  ];
  if (reasons.length > 0) throw needsFullDeploy(version, reasons);
}

function isSystemPackage(patch: unknown): boolean {
  return typeof patch === "object" && patch !== null && "type" in patch && patch.type === "system_package";
}

function refuseOtherHash(hash: string, signature: PatchRequest["nextSignature"], name: string): void {
  const actual = hashOfSignature(signature.content_hashes_by_path);
  if (actual !== hash) {
    throw new ApiError("bad_request", `${name}: is ${short(hash)}, but the signature is that of ${short(actual)}`);
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
