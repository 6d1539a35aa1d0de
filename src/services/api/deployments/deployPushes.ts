import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { addressSeal } from "../../../adapters/postgres/addressSeal.ts";
import {
  beginChain,
  type ClaimedPush,
  claimPush,
  finishPush,
  recordBuilt,
  renewPush,
} from "../../../adapters/postgres/pushes.ts";
import type { UploadStore } from "../../../adapters/uploads/uploadStore.ts";
import type { VersionCluster } from "../../../domain/development/ports.ts";
import { readPushedTruss } from "../../../domain/development/pushedTruss.ts";
import { messageOf, OperatorError } from "../../../domain/errors.ts";
import { pushedServiceManifest, pushedServiceName } from "../../../domain/serving/pushedService.ts";
import type { PushedServices } from "../../../domain/serving/pushedServices.ts";
import type { ArchiveBuilder } from "../../../domain/truss/archiveBuilder.ts";
import { parseTrussConfig } from "../../../domain/truss/config.ts";
import { refuse } from "../../refusals.ts";

/** What full deployments of pushed versions are made with. */
export interface PushWork {
  readonly pool: Pool;
  readonly uploads: UploadStore;
  readonly builder: ArchiveBuilder;
  readonly services: PushedServices;
  readonly cluster: VersionCluster;
  readonly modelsNamespace: string;
  readonly servicesNamespace: string;
  /** A secret. */
  readonly signingKey: string;
  /** Name of this replica. */
  readonly holder: string;
  readonly log: Logger;
  /** How long a replica that has died keeps its work, in seconds. @default 30 */
  readonly leaseSeconds?: number;
  /** How long a pod may take to start, in seconds. @default 600 */
  readonly startSeconds?: number;
}

/** A push that could not be deployed in this time for whatever reason has failed, in seconds. */
const longestSeconds = 3_600;
/** Between two looks for work of replicas that have died, in milliseconds. */
const lookEveryMs = 5_000;
/** Pushes that one replica deploys at once. */
const atOnce = 2;

/** Deploys what clients push, until `signal` aborts. Any number of replicas may. */
export function deployPushes(work: PushWork, signal: AbortSignal): { wake(): void } {
  const waiting = new Set<() => void>();
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      const worked = await deployNext(work, signal).catch((error: unknown) => {
        if (!signal.aborted) work.log.warn({ err: error }, "a push is not deployed");
        return false;
      });
      if (worked) continue;
      await new Promise<void>((resolve) => {
        waiting.add(resolve);
        delay(lookEveryMs, undefined, { signal }).then(resolve, resolve);
      });
      waiting.clear();
    }
  };
  for (let each = 0; each < atOnce; each += 1) void loop();
  return {
    wake: () => {
      for (const wake of waiting) wake();
    },
  };
}

/**
 * Carries on the oldest deployment that nobody works on, from wherever its last replica left it. Answers whether there was one.
 * A truss that cannot be deployed ends as failed; what may pass is tried again once the lease is over.
 */
export async function deployNext(work: PushWork, signal: AbortSignal): Promise<boolean> {
  const { pool, holder, log, leaseSeconds = 30 } = work;
  const push = await claimPush(pool, holder, leaseSeconds);
  if (!push) return false;
  const lost = new AbortController();
  const renewal = setInterval(() => {
    renewPush(pool, push.id, holder, leaseSeconds).then(
      (isOurs) => isOurs || lost.abort(new Error("another push, or another replica, has taken its place")),
      (error: unknown) => log.warn({ versionId: push.versionId, err: error }, "a lease is not renewed"),
    );
  }, leaseSeconds * 333);
  const named = { versionId: push.versionId, deploymentId: push.id, model: push.model };
  try {
    await deploy(work, push, AbortSignal.any([signal, lost.signal]));
    log.info(named, "deployed a push");
  } catch (error) {
    const isFinal = (error instanceof OperatorError && error.exitCode === 2) || push.age > longestSeconds;
    if (lost.signal.aborted || signal.aborted) log.info(named, `a push is left: ${messageOf(error)}`);
    else log.warn({ ...named, err: error }, "a push is not deployed");
    if (isFinal) await finishPush(pool, push.id, holder, { status: "failed", reason: messageOf(error) });
  } finally {
    clearInterval(renewal);
  }
  return true;
}

async function deploy(work: PushWork, push: ClaimedPush, signal: AbortSignal): Promise<void> {
  const { pool, holder, services, uploads } = work;
  const { versionId, model } = push;
  const image = push.image ?? (await build(work, push, signal));
  if (image === undefined) return;
  // After the old pod could still be patched, and before the new one asks what it has to run.
  if (!(await beginChain(pool, push, holder))) return;
  const config = addressSeal(work.signingKey).open(push.config);
  const manifest = pushedServiceManifest({
    deploymentId: push.id,
    versionId,
    model,
    image,
    hash: push.hash,
    config: parseTrussConfig(config),
    namespace: work.modelsNamespace,
    servicesNamespace: work.servicesNamespace,
    signingKey: work.signingKey,
  });
  if ((await services.replace(manifest, signal)) === "superseded") return;
  await podStarted(work, push, signal);
  await finishPush(pool, push.id, holder, { status: "active" });
  await uploads.remove(push.upload);
}

/** The image's reference; undefined where another push has taken this one's place. */
async function build(work: PushWork, push: ClaimedPush, signal: AbortSignal): Promise<string | undefined> {
  const archive = await work.uploads.read(push.upload);
  if (!archive) throw refuse("push.upload-gone");
  const { hash } = readPushedTruss(archive);
  if (hash !== push.hash) throw refuse("push.other-upload");
  const image = await work.builder.build({ archive, hash, name: pushedServiceName(push.versionId) }, signal);
  return (await recordBuilt(work.pool, push, work.holder, image)) ? `${image.url}@${image.digest}` : undefined;
}

/** Waits for the container, not for the model in it: code that does not load is mended by the next patch. */
async function podStarted({ cluster, startSeconds = 600 }: PushWork, push: ClaimedPush, signal: AbortSignal) {
  const deadline = Date.now() + startSeconds * 1_000;
  const isThere = (): boolean => {
    const service = cluster.service(push.versionId);
    // A pod of the service before may still be known.
    const isOwn = service?.deploymentId === push.id;
    return isOwn && (cluster.pod(push.versionId)?.startedAt ?? 0) >= service.createdAt;
  };
  while (!isThere()) {
    signal.throwIfAborted();
    if (Date.now() > deadline) throw refuse("push.pod-not-started", { seconds: startSeconds });
    await cluster.changed(1_000);
  }
}
