/** The API service: `node src/services/api/main.ts`, with the environment variables of `settings.ts`. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import pg from "pg";
import { pino } from "pino";
import { Agent } from "undici";
import { type BuildAddress, createBuildService } from "../../adapters/builds/buildService.ts";
import { pushedPipelineBuilder } from "../../adapters/builds/stackPipelineBuilder.ts";
import { watchModels } from "../../adapters/kubernetes/modelCluster.ts";
import { pushedServices } from "../../adapters/kubernetes/pushedServices.ts";
import { readServedModels } from "../../adapters/kubernetes/servedModels.ts";
import { addressSeal } from "../../adapters/postgres/addressSeal.ts";
import { lead } from "../../adapters/postgres/leader.ts";
import type { Control } from "../../adapters/postgres/models.ts";
import { missingVersions } from "../../adapters/postgres/pushedVersions.ts";
import { sealEarlier } from "../../adapters/postgres/sealEarlier.ts";
import { clientConfig } from "../../adapters/postgres/server.ts";
import { readSleep } from "../../adapters/postgres/sleep/readSleep.ts";
import { createSleepStore } from "../../adapters/postgres/sleep/sleepStore.ts";
import { readLastMinute } from "../../adapters/postgres/traffic/lastMinute.ts";
import { createPatchStore } from "../../adapters/postgres/trussPatches.ts";
import { readStandings } from "../../adapters/postgres/zoo/standings.ts";
import { createBucketUploads } from "../../adapters/uploads/bucketUploads.ts";
import { createFolderUploads } from "../../adapters/uploads/folderUploads.ts";
import { keyHash } from "../../domain/access/apiKey.ts";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { pushLimits } from "../../domain/development/pushedTruss.ts";
import { messageOf } from "../../domain/errors.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import { type Answering, answeringOrigin, readyPath } from "../../domain/serving/servedModel.ts";
import { sleepRules } from "../../domain/sleep/record.ts";
import type { ArchiveBuilder } from "../../domain/truss/archiveBuilder.ts";
import { versionedName } from "../../domain/zoo/plan.ts";
import { controlCopies } from "./controlCopies.ts";
import { closeAbandonedDeployments } from "./deployments/abandoned.ts";
import { deployPushes } from "./deployments/deployPushes.ts";
import { pushDeployments } from "./deployments/pushes.ts";
import { openContainers } from "./development/containers.ts";
import { reconcile } from "./development/reconcile.ts";
import { syncFirst } from "./development/syncFirst.ts";
import { developmentVersions } from "./development/versions.ts";
import { usageStore } from "./limits/usageStore.ts";
import { lookups } from "./lookups.ts";
import { createMetrics } from "./metrics.ts";
import { keepRecordedDays } from "./recordings/keepDays.ts";
import { apiRoutes } from "./routes.ts";
import { createApiServer } from "./server.ts";
import { type PipelineBuilds, readSettings } from "./settings.ts";
import { createBatchesServer, createCopiesServer, createFrontServer, type FrontParts } from "./sleep/frontServer.ts";
import { probeOf } from "./sleep/probe.ts";
import { openShadowFronts } from "./sleep/shadowFronts.ts";
import { stopUnused } from "./sleep/stopUnused.ts";
import { createWaking } from "./sleep/waking.ts";
import { appCounts } from "./traffic/appCounts.ts";
import { countTraffic } from "./traffic/countTraffic.ts";

/** After SIGTERM, until load balancers have stopped sending; then, until answers under way are cut off. In milliseconds. */
const drainMs = 2_000;
const stopMs = 50_000;
/** What is under way is told so often, in milliseconds: a third of what a lease holds. */
const renewEveryMs = (sleepRules.leaseSeconds * 1000) / 3;
/** Copies that wait for what starts, or are sent: as much of each as a recorder keeps of a body. Bytes. */
const heldCopies = { ofBody: 10 * 1024 ** 2, ofAll: 64 * 1024 ** 2, used: 0 };
/** Uploads that nobody deployed are removed after so long, in milliseconds. */
const keptUploadsMs = 24 * 60 * 60_000;
const sweepEveryMs = 60 * 60_000;

// Whatever is logged, of errors of others too: requirements of trusses, and the addresses of package indexes, carry tokens.
const hooks = { streamWrite: maskedText };
const log = pino({ level: process.env.LOG_LEVEL ?? "info", base: { service: "api" }, hooks });
process.on("uncaughtException", (error) => {
  log.fatal({ err: error }, messageOf(error));
  process.exit(1);
});

const settings = readSettings(process.env);
const pool = new pg.Pool({
  ...clientConfig(settings.database, platformDatabase),
  max: 10,
  query_timeout: 5_000,
  options: `-c search_path=${platformDatabase}`,
});
// A connection that breaks while nobody uses it is replaced.
pool.on("error", (error) => log.warn({ err: error }, "a database connection broke"));
// Names change their addresses when a model is stopped and started: never keep one for longer than a connection. A stream has its
// connection to itself, so there are as many as requests: what a model does not take, it refuses or holds itself.
const dispatcher = new Agent({ connectTimeout: 3_000, keepAliveTimeout: 4_000, connections: null });
let stopping = false;

const { find, pointer, version, served, sides, checkDatabase } = lookups(pool);
const kubernetes = new KubeConfig();
kubernetes.loadFromCluster();
const ended = new AbortController();
const cluster = watchModels({
  config: kubernetes,
  namespace: settings.modelsNamespace,
  onError: (error) => log.warn({ err: error }, "the cluster is not followed"),
  signal: ended.signal,
});
const sleepStore = createSleepStore(pool, sleepRules);
const metrics = createMetrics({
  standings: () => readStandings(pool),
  minute: () => readLastMinute(pool, Date.now()),
  sleep: () => readSleep(pool),
});
const originOf = (answering: Answering) => answeringOrigin(answering, settings.modelsNamespace);
const probe = probeOf({ cluster, dispatcher, originOf: ({ name, recorded }) => originOf({ service: name, recorded }) });
const sync = syncFirst({ cluster, syncToHead: (versionId) => versions.syncToHead(versionId), log });
const waking = createWaking({
  store: sleepStore,
  cluster,
  prepare: (service, ignored) =>
    service.versionId === undefined ? probe(service, ignored) : sync(service.versionId, ignored),
  holder: `${settings.pod}/${randomUUID()}`,
  log,
  onWoken: (model, seconds) => metrics.wakeSeconds.observe({ model }, seconds),
});
const containers = openContainers();
const seal = addressSeal(settings.signingKey);
void sealEarlier(pool, seal, log, ended.signal);
const versions = developmentVersions({
  store: createPatchStore(pool, seal),
  cluster,
  containers,
  clock: { now: Date.now, sleep: delay },
  newId: randomUUID,
  log,
  namespace: settings.modelsNamespace,
  waking,
});
const access = {
  required: settings.requireApiKey,
  find,
  adminKeyHash: keyHash(settings.adminKey),
};
const pushes = acceptPushes();
const counts = appCounts(Date.now);
const usage = usageStore({ pool, log, holdsLimits: settings.holdsLimits, signal: ended.signal });
// A key has one limit, whichever way its predictions come.
const limits = {
  limiter: usage.limiter,
  counts: usage.counts,
  day: usage.day,
  onRefused: (by: { readonly subject: string; readonly kind: string }) => metrics.refused(by),
};
const originOfVersion = ({ model, number, service = versionedName(model, number), recorded }: Control["version"]) =>
  originOf({ service, recorded });
const server = createApiServer({
  access,
  routes: apiRoutes({
    access,
    pool,
    versions,
    cluster,
    find: version,
    waking,
    count: counts.count,
    dispatcher,
    log,
    pushes,
    modelsNamespace: settings.modelsNamespace,
    served,
    limits,
    signingKey: settings.signingKey,
    maxBodyBytes: settings.maxBodyBytes,
    timeoutMs: settings.predictTimeoutMs,
  }),
  pointer,
  sides,
  atGateway: { namespace: settings.modelsNamespace, served },
  checkDatabase,
  originOf: originOfVersion,
  waking,
  copies: controlCopies({
    dispatcher,
    originOf: originOfVersion,
    waking,
    load: metrics.versionLoad,
    budget: heldCopies,
    timeoutMs: settings.predictTimeoutMs,
    onEnd: metrics.copied,
  }),
  predictPath: `${readyPath}:predict`,
  dispatcher,
  count: counts.count,
  metrics,
  log,
  maxBodyBytes: settings.maxBodyBytes,
  timeoutMs: settings.predictTimeoutMs,
  limits,
  stopping: () => stopping,
});

closeAbandonedDeployments({
  pool,
  observe: () => readServedModels(kubernetes, settings.modelsNamespace),
  log,
  signal: ended.signal,
});

void keepRecordedDays(pool, log, ended.signal);

server.listen(settings.port, "0.0.0.0");
await once(server, "listening");
log.info({ port: (server.address() as AddressInfo).port, requireApiKey: settings.requireApiKey }, "listening");

const fronts: FrontParts = {
  cluster,
  waking,
  originOf: ({ name, recorded }) => originOf({ service: name, recorded }),
  dispatcher,
  copies: heldCopies,
  log,
};
const shadowFronts = openShadowFronts(fronts, ended.signal);
const front = createFrontServer(fronts);
front.listen(settings.activatorPort, "0.0.0.0");
await once(front, "listening");
const copies = createCopiesServer(fronts);
copies.listen(settings.copiesPort, "0.0.0.0");
await once(copies, "listening");
const batches = createBatchesServer(fronts, metrics.versionLoad);
batches.listen(settings.batchesPort, "0.0.0.0");
await once(batches, "listening");
const renewal = setInterval(() => {
  waking.renew().catch((error: unknown) => log.warn({ err: error }, "what is under way was not told"));
}, renewEveryMs);

const traffic = countTraffic({ settings, counts, pool, kubernetes, log, signal: ended.signal });

void lead({
  connection: clientConfig(settings.database, platformDatabase),
  name: "development versions",
  work: (signal) =>
    reconcile(
      {
        cluster,
        syncToHead: versions.syncToHead,
        now: Date.now,
        log,
        ...(pushes ? { orphans: orphansOf(pushes.services) } : {}),
      },
      signal,
    ),
  onError: (error) => log.warn({ err: error }, "cannot ask to lead"),
  signal: ended.signal,
});

void lead({
  connection: clientConfig(settings.database, platformDatabase),
  name: "models that sleep",
  work: (signal) => stopUnused({ store: sleepStore, cluster, log }, signal),
  onError: (error) => log.warn({ err: error }, "cannot ask to lead"),
  signal: ended.signal,
});

/** What clients push, where the service can build it. */
function acceptPushes() {
  if (!settings.pushes) return undefined;
  const kept = settings.pushes.uploads;
  const uploads =
    "bucket" in kept
      ? createBucketUploads(kept.bucket, pushLimits.size)
      : createFolderUploads(kept.folder, pushLimits.size);
  const { modelsNamespace, servicesNamespace, signingKey } = settings;
  const services = pushedServices(kubernetes);
  const { wake } = deployPushes(
    {
      pool,
      uploads,
      cluster,
      modelsNamespace,
      servicesNamespace,
      signingKey,
      log,
      builder: builderOf(settings.pushes.build),
      services,
      holder: randomUUID(),
    },
    ended.signal,
  );
  const sweep = setInterval(() => {
    uploads.sweep(keptUploadsMs).catch((error: unknown) => log.warn({ err: error }, "uploads are not swept"));
  }, sweepEveryMs);
  ended.signal.addEventListener("abort", () => clearInterval(sweep), { once: true });
  return {
    uploads,
    services,
    deployments: pushDeployments({ pool, uploads, services, modelsNamespace, signingKey, onPushed: wake }),
  };
}

/** Services of pushed versions that were deleted while their push was under way. */
function orphansOf(services: ReturnType<typeof pushedServices>) {
  return {
    missing: (ids: readonly string[]) => missingVersions(pool, ids),
    remove: (name: string) => services.remove(name, settings.modelsNamespace),
  };
}

/** What builds pushes. */
function builderOf(build: BuildAddress | PipelineBuilds): ArchiveBuilder {
  if ("url" in build) return createBuildService(build);
  // Nothing but the library makes contexts here.
  const library = { key: "services", truss: build.truss };
  return pushedPipelineBuilder(build.pipeline, {
    config: kubernetes,
    cache: build.folder,
    library,
    log: (line) => log.info(`build ${line}`),
  });
}

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(signal));

async function stop(signal: string): Promise<void> {
  stopping = true;
  log.info({ signal }, "stopping");
  await delay(signal === "SIGTERM" ? drainMs : 0);
  const servers = [server, front, copies, batches];
  const closed = servers.map((each) => new Promise<void>((resolve) => each.close(() => resolve())));
  for (const each of servers) each.closeIdleConnections();
  await Promise.race([Promise.all([...closed, shadowFronts.close()]), delay(stopMs)]);
  clearInterval(renewal);
  await waking.end();
  ended.abort();
  await Promise.all([traffic.end(), usage.end()]);
  await Promise.allSettled([pool.end(), dispatcher.close(), containers.close()]);
  process.exit(0);
}
