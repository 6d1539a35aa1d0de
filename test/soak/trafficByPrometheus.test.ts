import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { registerVersion } from "../../src/adapters/postgres/modelVersions.ts";
import { clientConfig, withClient } from "../../src/adapters/postgres/server.ts";
import { readTraffic } from "../../src/adapters/postgres/traffic/readTraffic.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import { length } from "../../src/domain/traffic/seconds.ts";
import { summarize } from "../../src/domain/traffic/traffic.ts";
import { proxyStatsMatcher } from "../../src/local/mesh/statistics.ts";
import { collectGateways } from "../../src/services/api/traffic/collectGateways.ts";
import { readerOfPrometheus } from "../../src/services/api/traffic/gatewayReaders.ts";
import { freePort } from "../support/freePort.ts";
import { type CountedEnvoy, services, startCountedEnvoy } from "../support/gateway/countedEnvoy.ts";
import { makePlatformTables, rolePassword } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { building, ensurePrometheus } from "../support/testTools.ts";

/** Counts of a real Envoy as a real Prometheus scraped them, request by request: `menagerie:prometheus`. */

const gateway = { namespace: "istio-ingress", name: "public", api: "gateway-api" } as const;
const pod = "public-7d9c";
const timeout = 60_000;

let postgres: TestPostgres;
let pool: pg.Pool;
let envoy: CountedEnvoy;
let cluster: Server;
let folder: string;
let executable: string;
let prometheus: ChildProcess;
let port: number;
let version: string;
const ended = new AbortController();
let collecting: Promise<void>;

const now = () => Date.now() / 1000;

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(100);
}

/** With what it had stored before. */
async function startPrometheus(): Promise<void> {
  const args = ["config.file=prometheus.json", "storage.tsdb.path=data", `web.listen-address=127.0.0.1:${port}`];
  prometheus = spawn(
    executable,
    args.map((arg) => `--${arg}`),
    { cwd: folder, stdio: "ignore" },
  );
  const isReady = () => fetch(`http://127.0.0.1:${port}/-/ready`).then(({ ok }) => ok);
  await until(() => isReady().catch(() => false));
}

async function killPrometheus(): Promise<void> {
  const exited = once(prometheus, "exit");
  prometheus.kill("SIGKILL");
  await exited;
}

beforeAll(async () => {
  executable = await ensurePrometheus();
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool(clientConfig({ ...postgres.server, user: roles.api, password: rolePassword }, platformDatabase));
  pool.on("error", () => {});
  version = await withClient(postgres.server, platformDatabase, async (client) => {
    const content = { hash: "h1", digest: `sha256:${"1".repeat(64)}`, current: true };
    await registerVersion(client, { model: "iris", organization: "admin", number: 1, ...content });
    const { rows } = await client.query<{ id: string }>("SELECT id::text FROM menagerie.model_version");
    return rows[0]?.id ?? "";
  });
  envoy = await startCountedEnvoy(proxyStatsMatcher);
  await envoy.ask(services.none, "200");
  folder = await mkdtemp(join(tmpdir(), "menagerie-prometheus-"));
  port = await freePort();
  const { host, pathname } = new URL(envoy.url);
  const configuration = {
    scrape_configs: [
      {
        job_name: "gateway",
        scrape_interval: "1s",
        metrics_path: pathname,
        static_configs: [{ targets: [host], labels: { namespace: gateway.namespace, pod } }],
      },
    ],
  };
  // JSON is YAML.
  await writeFile(join(folder, "prometheus.json"), JSON.stringify(configuration));
  await startPrometheus();
  cluster = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ items: [{ metadata: { name: pod }, status: { phase: "Running", podIP: "::1" } }] }));
  }).listen(0, "127.0.0.1");
  await once(cluster, "listening");
  const config = new KubeConfig();
  const server = `http://127.0.0.1:${(cluster.address() as AddressInfo).port}`;
  config.loadFromClusterAndUser({ name: "c", server, skipTLSVerify: true }, { name: "u" });
  const reader = readerOfPrometheus(config, gateway, { url: `http://127.0.0.1:${port}` });
  collecting = collectGateways({ pool, reader, namespace: "models", log: pino({ level: "silent" }) }, ended.signal);
  const begun = now();
  await until(async () => (await route(begun)).coverage.known.length > 0);
}, building);

afterAll(async () => {
  ended.abort();
  await collecting;
  await killPrometheus();
  cluster.closeAllConnections();
  cluster.close();
  await envoy.stop();
  await pool.end();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

async function route(from: number) {
  return (await readTraffic(pool, { version, from: new Date(from * 1000), to: new Date() })).route;
}

const counted = async (from: number) => summarize(await route(from)).byOutcome;
const times = (count: number, what: string, leaveAfterMs?: number) =>
  Promise.all(Array.from({ length: count }, () => envoy.ask(services.ready, what, leaveAfterMs)));

/** Missing seconds between two moments that are past, once everything before the second was counted. */
async function missing(from: number, until: number): Promise<number> {
  const isKnown = async () =>
    (await route(from)).coverage.known.some((known) => known.since <= until + 1 && known.until > until);
  await expect.poll(isKnown, { timeout }).toBe(true);
  return length((await route(from)).coverage.missing.filter(({ since }) => since < until));
}

it("each request is counted once, by what its client saw", async () => {
  const from = now() - 1;
  await Promise.all([
    times(40, "200"),
    times(5, "404"),
    times(4, "500"),
    times(3, "503"),
    times(4, "break"),
    times(6, "stream", 120),
    times(5, "hang", 80),
  ]);
  const expected = { "2xx": 40, "4xx_denied": 5, "5xx": 4, unavailable: 3, broken: 4, client_gone: 11 };
  await expect.poll(() => counted(from), { timeout }).toEqual(expected);
  expect(await missing(from, now() + 2)).toBe(0);
  expect(await counted(from)).toEqual(expected);
  const durations = async () => (await route(from)).latency.reduce((sum, each) => sum + each, 0);
  await expect.poll(durations, { timeout }).toBeGreaterThan(0);
});

it("a gateway that is killed makes seconds missing, and counts on from its new start", async () => {
  const from = now() - 1;
  await times(10, "200");
  await expect.poll(() => counted(from), { timeout }).toEqual({ "2xx": 10 });
  await envoy.kill();
  const killed = now();
  await envoy.start();
  await times(20, "200");
  // What the new process answered before its first scrape is its own, from zero.
  await expect.poll(() => counted(from), { timeout }).toEqual({ "2xx": 30 });
  expect(await missing(from, now())).toBeGreaterThan(0);
  expect((await route(from)).coverage.known.some(({ since, until }) => since < killed && until > killed + 1)).toBe(
    false,
  );
});

it("while Prometheus is away seconds are missing, and what came meanwhile is counted once it scrapes again", async () => {
  await missing(now() - 1, now());
  const from = now() - 1;
  await times(10, "200");
  await expect.poll(() => counted(from), { timeout }).toEqual({ "2xx": 10 });
  await killPrometheus();
  const killed = now();
  await times(7, "200");
  const isMissing = async () => (await route(from)).coverage.missing.some(({ until }) => until > killed + 3);
  await expect.poll(isMissing, { timeout }).toBe(true);
  expect(await counted(from)).toEqual({ "2xx": 10 });
  await startPrometheus();
  await times(5, "200");
  await expect.poll(() => counted(from), { timeout }).toEqual({ "2xx": 22 });
});
