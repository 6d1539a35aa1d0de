/** One process of the API service, as far as models that sleep go: `node sleepProcess.ts '<SleepProcessOptions>'`. Prints its port. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, LookupFunction } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import pg from "pg";
import { pino } from "pino";
import { Agent } from "undici";
import { watchSleepers } from "../../src/adapters/kubernetes/sleepCluster.ts";
import { lead } from "../../src/adapters/postgres/leader.ts";
import { clientConfig, type DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { createSleepStore } from "../../src/adapters/postgres/sleep/sleepStore.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { sleepRules } from "../../src/domain/sleep/record.ts";
import { createFrontServer } from "../../src/services/api/sleep/frontServer.ts";
import { openShadowFronts } from "../../src/services/api/sleep/shadowFronts.ts";
import { createStopper } from "../../src/services/api/sleep/stopUnused.ts";
import { createWaking } from "../../src/services/api/sleep/waking.ts";

/** What a process is started with. */
export interface SleepProcessOptions {
  readonly database: DatabaseServer;
  /** Origin of the cluster, which answers for models too. */
  readonly cluster: string;
  /** How long a lease holds, in seconds. */
  readonly leaseSeconds: number;
  /** Between two renewals and two looks for what is unused, in milliseconds. */
  readonly everyMs: number;
  /** How long a request waits, in milliseconds. */
  readonly holdMs: number;
  readonly maxHeld: number;
  /** Address that it listens on. @default 127.0.0.1 */
  readonly host?: string;
}

const options = JSON.parse(process.argv[2] ?? "{}") as SleepProcessOptions;
const { leaseSeconds, everyMs, maxHeld } = options;
const log = pino({ level: process.env.LOG_LEVEL ?? "warn" }, pino.destination(2));
const connection = { ...clientConfig(options.database, platformDatabase), query_timeout: 2_000 };
const pool = new pg.Pool({ ...connection, max: 10 });
pool.on("error", () => {});
const config = new KubeConfig();
config.loadFromClusterAndUser({ name: "cluster", server: options.cluster, skipTLSVerify: true }, { name: "user" });
const { signal } = new AbortController();
const cluster = watchSleepers({ config, namespace: "models", onError: () => {}, signal });
const store = createSleepStore(pool, { ...sleepRules, leaseSeconds, maxHeld, failureSeconds: 2 });
/** Models' names are in no DNS here. */
const lookup: LookupFunction = (_, { all }, answer) =>
  all ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4);
const dispatcher = new Agent({ connect: { lookup, timeout: 2_000 }, connections: null });
const originOf = ({ name }: { readonly name: string }) =>
  options.cluster.replace(new URL(options.cluster).hostname, `${name}.models`);
const waking = createWaking({
  store,
  cluster,
  probe: async (service) => {
    const path = "/v1/models/model/loaded";
    const { body } = await dispatcher.request({ origin: originOf(service), path, method: "GET" });
    await body.dump();
    return true;
  },
  holder: randomUUID(),
  log,
  leaseMs: leaseSeconds * 1000,
  holdMs: options.holdMs,
});
const copies = { ofBody: 10 * 1024 ** 2, ofAll: 20 * 1024 ** 2, used: 0 };
const fronts = { cluster, waking, originOf, dispatcher, copies, log };
const host = options.host ?? "127.0.0.1";
openShadowFronts({ ...fronts, host }, signal);
const front = createFrontServer(fronts);
front.listen(0, host);
await once(front, "listening");
setInterval(() => void waking.renew(), everyMs);
void lead({
  connection,
  name: "models that sleep",
  work: async (leading) => {
    const own = createStopper({ store, cluster, log });
    while (!leading.aborted) {
      await own.look(leading);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  },
  onError: () => {},
  signal,
});
while (!cluster.isListed()) await cluster.changed(50);
console.log(JSON.stringify({ port: (front.address() as AddressInfo).port }));
