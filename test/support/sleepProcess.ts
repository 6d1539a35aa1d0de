/** One process of the API service, as far as models that sleep go: `node sleepProcess.ts '<SleepProcessOptions>'`. Prints its ports. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import pg from "pg";
import { pino } from "pino";
import { Agent, buildConnector } from "undici";
import { watchModels } from "../../src/adapters/kubernetes/modelCluster.ts";
import { addressSeal } from "../../src/adapters/postgres/addressSeal.ts";
import { lead } from "../../src/adapters/postgres/leader.ts";
import { clientConfig, type DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { createSleepStore } from "../../src/adapters/postgres/sleep/sleepStore.ts";
import { createPatchStore } from "../../src/adapters/postgres/trussPatches.ts";
import type { VersionPod } from "../../src/domain/development/ports.ts";
import type { ControlServer } from "../../src/domain/patch/ports.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import type { SleepingService } from "../../src/domain/sleep/ports.ts";
import { sleepRules } from "../../src/domain/sleep/record.ts";
import { activatorRoute, createActivator } from "../../src/services/api/development/activator.ts";
import { syncFirst } from "../../src/services/api/development/syncFirst.ts";
import { developmentVersions, type Versions } from "../../src/services/api/development/versions.ts";
import { lookups } from "../../src/services/api/lookups.ts";
import { refuse } from "../../src/services/api/server.ts";
import { createCopiesServer, createFrontServer } from "../../src/services/api/sleep/frontServer.ts";
import { probeOf } from "../../src/services/api/sleep/probe.ts";
import { openShadowFronts } from "../../src/services/api/sleep/shadowFronts.ts";
import { createStopper } from "../../src/services/api/sleep/stopUnused.ts";
import { createWaking } from "../../src/services/api/sleep/waking.ts";

/** What a process is started with. */
export interface SleepProcessOptions {
  readonly database: DatabaseServer;
  /** Origin of the cluster, which answers for models and control servers too. */
  readonly cluster: string;
  /** Of the addresses in patches. @default nothing is signed */
  readonly signingKey?: string;
  /** How long a lease holds, in seconds. */
  readonly leaseSeconds: number;
  /** Between two renewals and two looks for what is unused, in milliseconds. */
  readonly everyMs: number;
  /** How long a request waits, in milliseconds. */
  readonly holdMs: number;
  readonly maxHeld: number;
  /** Address that it listens on. @default 127.0.0.1 */
  readonly host?: string;
  /** For how long later requests are told why it did not start, in seconds. @default 2 */
  readonly failureSeconds?: number;
  /** By how much its clock is ahead, in milliseconds. @default 0 */
  readonly clockAheadMs?: number;
  /** Whether it stops what is unused where nobody else does. @default true */
  readonly leads?: boolean;
  /** @default it lives until somebody ends it */
  readonly killedAt?: SleepKill | undefined;
}

/** A step with a model at which the process kills itself. `tell` stops the model in the cluster, `run` runs it. */
export interface SleepKill {
  readonly model: string;
  readonly step: "use" | "run" | "answered" | "markStopping" | "confirmStop" | "tell" | "whileAsleep" | "release";
  readonly when: "before" | "after";
}

/** Where a process answers. */
export interface SleepProcessPorts {
  /** Requests for models of the zoo, as routes send them. */
  readonly front: number;
  /** Copies of them. */
  readonly copies: number;
  /** Requests for development versions. */
  readonly api: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as SleepProcessOptions;
const { leaseSeconds, everyMs, maxHeld, failureSeconds = 2, signingKey = "", host = "127.0.0.1" } = options;
const { clockAheadMs = 0, leads = true, killedAt } = options;
const ownNow = Date.now;
Date.now = () => ownNow() + clockAheadMs;
const log = pino({ level: process.env.LOG_LEVEL ?? "warn" }, pino.destination(2));
const connection = { ...clientConfig(options.database, platformDatabase), query_timeout: 10_000 };
const pool = new pg.Pool({ ...connection, max: 10 });
pool.on("error", () => {});
const config = new KubeConfig();
config.loadFromClusterAndUser({ name: "cluster", server: options.cluster, skipTLSVerify: true }, { name: "user" });
const { signal } = new AbortController();
const cluster = killing(
  watchModels({ config, namespace: "models", onError: () => {}, signal }),
  (method, [name, stop]) => (method === "setStopped" ? [stop ? "tell" : "run", name] : []),
);
const store = killing(
  createSleepStore(pool, { ...sleepRules, leaseSeconds, maxHeld, failureSeconds }),
  (method, [name]) => [method, name],
);
// Services and pods are all at the cluster, which knows them by the host.
const { hostname, port } = new URL(options.cluster);
const connect = buildConnector({ timeout: 10_000 });
const dispatcher = new Agent({
  connect: (to, done) => connect({ ...to, hostname, port }, done),
  connections: null,
});
const originOf = ({ name }: SleepingService) => `http://${name}`;
const probe = probeOf({ cluster, dispatcher, originOf });
const sync = syncFirst({ cluster, syncToHead: (versionId) => versions.syncToHead(versionId), log });
const waking = createWaking({
  store,
  cluster,
  prepare: (service, ignored) =>
    service.versionId === undefined ? probe(service, ignored) : sync(service.versionId, ignored),
  holder: randomUUID(),
  log,
  leaseMs: leaseSeconds * 1000,
  holdMs: options.holdMs,
});
const copies = { ofBody: 10 * 1024 ** 2, ofAll: 20 * 1024 ** 2, used: 0 };
const fronts = { cluster, waking, originOf, dispatcher, copies, log };
openShadowFronts({ ...fronts, host }, signal);
const versions: Versions = developmentVersions({
  store: createPatchStore(pool, addressSeal(signingKey)),
  cluster,
  containers: { of: controlOf, seen: new Map(), close: async () => {} },
  clock: { now: Date.now, sleep: delay },
  newId: randomUUID,
  log,
  namespace: "models",
  waking,
});
const { find, version } = lookups(pool);
const activation = { access: { required: false, find }, find: version, cluster, waking, dispatcher, signingKey };
const parts = { ...activation, count: () => {}, maxBodyBytes: 1024 ** 2, timeoutMs: 30_000 };
const route = activatorRoute(parts, createActivator(parts));
const front = createFrontServer(fronts);
const copied = createCopiesServer(fronts);
const api = createServer((request, response) => {
  const asked = { path: request.url ?? "/", requestId: randomUUID() };
  route.handle(request, response, asked).catch((error: unknown) => refuse(log, response, error, asked.requestId));
});
// One after the other, as those of the service, which are ten seconds apart.
void (async () => {
  for (;;) {
    await delay(everyMs);
    await waking.renew();
  }
})();
if (leads)
  void lead({
    connection,
    name: "models that sleep",
    work: async (leading) => {
      const own = createStopper({ store, cluster, log, leaseSeconds });
      while (!leading.aborted) {
        await own.look(leading);
        await delay(everyMs);
      }
    },
    onError: () => {},
    signal,
  });
while (!cluster.isListed()) await cluster.changed(50);
const ports: SleepProcessPorts = {
  front: await portOf(front),
  copies: await portOf(copied),
  api: await portOf(api),
};
console.log(JSON.stringify(ports));

/** The same, until the step at which the process is to be killed. */
function killing<T extends object>(
  object: T,
  stepOf: (method: string, values: readonly unknown[]) => readonly unknown[],
): T {
  const kill = (): Promise<never> => {
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => {});
  };
  return new Proxy(object, {
    get(target, method, receiver) {
      const own = Reflect.get(target, method, receiver) as unknown;
      if (!killedAt || typeof own !== "function") return own;
      return (...values: unknown[]) => {
        const [step, model] = stepOf(String(method), values);
        const isIt = step === killedAt.step && model === killedAt.model;
        if (isIt && killedAt.when === "before") return kill();
        const answer = Reflect.apply(own, target, values) as unknown;
        return isIt ? Promise.resolve(answer).then(kill) : answer;
      };
    },
  });
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The control server of a pod, which the cluster has. */
function controlOf({ instance, startedAt }: VersionPod): ControlServer {
  const ask = async <T>(method: string, otherwise: T, ...values: unknown[]): Promise<T> => {
    const sent = { method: "POST", body: JSON.stringify(values) };
    const answer = await fetch(`${options.cluster}/control/${instance}/${method}`, sent).catch(() => undefined);
    return answer ? ((await answer.json()) as T) : otherwise;
  };
  const reason = "its pod is gone";
  const gone = { ok: false, reason } as const;
  return {
    instance,
    startedAt,
    runningHash: () => ask("runningHash", gone),
    isPartiallyApplied: () => ask("isPartiallyApplied", gone),
    restartInference: () => ask("restartInference", gone),
    stopInference: () => ask("stopInference", gone),
    patch: (request) => ask("patch", { kind: "unknown", reason }, request),
    probe: () => ask("probe", { answers: false, state: "unreachable", reason }),
  };
}
