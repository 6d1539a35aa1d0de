/** The guard: `node src/services/guard/main.ts`, with the environment variables of `settings.ts`. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import pg, { type ClientBase } from "pg";
import { pino } from "pino";
import { readiness } from "../../adapters/kubernetes/oldVersion.ts";
import { pruneJudgements } from "../../adapters/postgres/judgement/judgements.ts";
import { readVerdicts } from "../../adapters/postgres/judgement/readVerdicts.ts";
import { lead } from "../../adapters/postgres/leader.ts";
import { clientConfig, withClient } from "../../adapters/postgres/server.ts";
import { readBadRollouts } from "../../adapters/postgres/takeBack/badVerdicts.ts";
import { readTakenBack } from "../../adapters/postgres/takeBack/takeBacks.ts";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { messageOf } from "../../domain/errors.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import { type GuardNews, guardTurn } from "./guard.ts";
import { judgeOnce } from "./judging.ts";
import { createMetrics } from "./metrics.ts";
import { takeBackPorts } from "./ports.ts";
import { readSettings } from "./settings.ts";

/** From the end of a turn to the beginning of the next one, in milliseconds. */
const turnEveryMs = 1_000;
/** Rows that no verdict needs any more are deleted so often, in milliseconds. */
const pruneEveryMs = 600_000;
/** What a scrape is answered with is so old at most, in milliseconds. */
const keptMs = 5_000;

const log = pino({
  level: process.env.LOG_LEVEL ?? "info",
  base: { service: "guard" },
  hooks: { streamWrite: maskedText },
});
process.on("uncaughtException", (error) => {
  log.fatal({ err: error }, messageOf(error));
  process.exit(1);
});

const settings = readSettings(process.env);
const connection = clientConfig(settings.database, platformDatabase);
const config = new KubeConfig();
config.loadFromCluster();
const ended = new AbortController();
const pool = new pg.Pool({ ...connection, max: 2, query_timeout: 5_000 });
pool.on("error", (error) => log.warn({ err: error }, "a database connection broke"));

let kept: { readonly at: number; readonly standings: Promise<Awaited<ReturnType<typeof readStandings>>> } | undefined;
const metrics = createMetrics(() => {
  if (!kept || Date.now() - kept.at > keptMs) kept = { at: Date.now(), standings: readStandings() };
  return kept.standings;
});

async function readStandings() {
  const client = await pool.connect();
  try {
    const verdicts = [...(await readVerdicts(client, "every")).values()];
    return {
      takenBack: await readTakenBack(client),
      bad: await readBadRollouts(client),
      bothFail: verdicts.filter(({ bothFail }) => bothFail).map(({ model }) => model),
    };
  } finally {
    client.release();
  }
}

const server = createServer(async (request, response) => {
  const answer = (status: number, text: string, type = "text/plain") =>
    response.writeHead(status, { "content-type": type }).end(text);
  try {
    if (request.url === "/metrics") return answer(200, await metrics.registry.metrics(), metrics.registry.contentType);
    if (request.url === "/healthz") return answer(200, "ok\n");
    if (request.url !== "/readyz") return answer(404, "not found\n");
    await pool.query("SELECT 1");
    return answer(200, "ok\n");
  } catch (error) {
    return answer(503, `${messageOf(error)}\n`);
  }
});
server.listen(settings.port, "0.0.0.0");
await once(server, "listening");
log.info({ port: (server.address() as AddressInfo).port }, "listening");

/** Said once, until it changes. */
const told = new Map<string, string>();
function tell({ model, what, isTrouble }: GuardNews): void {
  if (told.get(model) === what) return;
  told.set(model, what);
  log[isTrouble ? "error" : "warn"]({ model }, what);
}

const judge = (client: ClientBase) =>
  judgeOnce(client, new Date(), {
    prometheus: settings.prometheus,
    readiness: (service) =>
      readiness(config, settings.modelsNamespace, service).catch((error: unknown) => {
        log.warn({ err: error, service }, `pods are not counted: ${messageOf(error)}`);
        return undefined;
      }),
    onFailed: (model, error) => log.warn({ err: error, model }, `the rollout is not judged: ${messageOf(error)}`),
  });

const guarding = lead({
  connection,
  name: "guard",
  async work(signal) {
    log.info("judges rollouts from now on");
    metrics.leads.set(1);
    try {
      await withClient(settings.database, platformDatabase, async (client) => {
        const cluster = { config, namespace: settings.modelsNamespace, api: settings.routeApi };
        const ports = { ...takeBackPorts(client, cluster, settings.appsDatabase), judge, tell, signal };
        let prunedAt = Number.NEGATIVE_INFINITY;
        while (!signal.aborted) {
          await guardTurn(ports);
          if (performance.now() > prunedAt + pruneEveryMs) {
            prunedAt = performance.now();
            await pruneJudgements(client).catch((error: unknown) =>
              log.warn({ err: error }, `old rows of judgements were not deleted: ${messageOf(error)}`),
            );
          }
          metrics.turns.inc({ result: "ok" });
          metrics.lastTurn.setToCurrentTime();
          await delay(turnEveryMs, undefined, { signal }).catch(() => {});
        }
      });
    } finally {
      metrics.leads.set(0);
    }
  },
  onError(error) {
    metrics.turns.inc({ result: "failed" });
    log.warn({ err: error }, `rollouts are not judged: ${messageOf(error)}`);
  },
  signal: ended.signal,
});

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(signal));

async function stop(signal: string): Promise<void> {
  log.info({ signal }, "stopping");
  ended.abort();
  await Promise.race([guarding, delay(10_000)]);
  server.closeAllConnections();
  server.close();
  await pool.end().catch(() => {});
  process.exit(0);
}
