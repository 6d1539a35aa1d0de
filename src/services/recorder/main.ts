/**
 * The recorder: a KServe transformer that forwards every request to the predictor and stores predictions, in the tables of one
 * schema. `node src/services/recorder/main.ts --predictor_host HOST --http_port PORT`, with the environment variables of
 * `settings.ts`.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { pino } from "pino";
import { Pool } from "undici";
import { redactedColumn } from "../../adapters/postgres/predictions/copyRows.ts";
import { PredictionLog } from "../../adapters/predictionLog/append.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import type { LossReason } from "../../domain/recording/prediction.ts";
import { keepOutOfDumps, placesOf } from "./crash.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { OpenRequests } from "./openRequests.ts";
import { Redaction } from "./redaction.ts";
import { createRecorderServer } from "./server.ts";
import { readSettings } from "./settings.ts";
import type { ShipperInput, ShipperReport } from "./shipping.ts";
import { UsageReports } from "./usageReports.ts";

/** After SIGTERM: how long load balancers may go on sending, and then how long answers under way may take. In milliseconds. */
const drainMs = 2_000;
const answersMs = 35_000;
/** How often idle connections are closed meanwhile. */
const idleMs = 100;
/** How long the database may then take to store the rest of the log. */
const storeMs = 15_000;
/** A thread that failed is started again after this, in milliseconds. */
const restartMs = 1_000;

const logger = pino({ level: process.env.LOG_LEVEL ?? "info", base: { service: "recorder" } });
process.on("uncaughtException", (error) => {
  const isOurs = error instanceof OperatorError;
  // Where something must not be stored, no message of an error is safe: it may quote what was parsed.
  if (holdsBack && !isOurs) logger.fatal({ name: error.name, at: placesOf(error) }, "the recorder failed");
  else logger.fatal(isOurs ? {} : { err: error }, messageOf(error));
  process.exit(error instanceof OperatorError ? error.exitCode : 1);
});

// Set before any request is read.
let holdsBack = false;
const settings = readSettings(process.env, process.argv.slice(2));
const redacts = settings.redact.length > 0;
holdsBack = redacts || !settings.keepsBodies;
await keepOutOfDumps();
let metrics: Metrics | undefined;
const onLoss = (reason: LossReason, requests: number): void => {
  // The prediction itself is stored: it lacks a body, or what its answer told.
  if (reason === "unredactable" || reason === "unread") {
    metrics?.[reason].inc(requests);
    return;
  }
  metrics?.lost.inc({ reason }, requests);
  logger.warn({ reason, requests }, "records of predictions are lost");
};
const log = await PredictionLog.open(settings.logFolder, { logBytes: settings.logMaxBytes }, onLoss);
metrics = createMetrics(log.positions);
let unready: string | undefined = "the prediction tables are not checked yet";
let verified = false;
let stopping = false;
let shipper: Worker | undefined;
startShipper(metrics);
const redaction = holdsBack
  ? new Redaction(
      { rules: settings.redact, key: settings.pseudonymKey, keepsBodies: settings.keepsBodies },
      { log, onFailure: (code) => logger.error({ code }, "redacting or reading failed; it begins again") },
    )
  : undefined;

const predictor = new Pool(settings.predictor, {
  connections: null,
  pipelining: 1,
  connect: { timeout: 5_000 },
  // Idle connections go before uvicorn's 5 s, so that none is closed under a request.
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 60_000,
  headersTimeout: settings.timeoutMs,
  bodyTimeout: settings.timeoutMs,
});
const open = new OpenRequests((told) => shipper?.postMessage(told));
const { usageUrl, schema } = settings;
const usage = usageUrl === undefined ? undefined : new UsageReports({ url: usageUrl, schema, log: logger });
const server = createRecorderServer({
  predictor,
  origin: settings.predictor,
  timeoutMs: settings.timeoutMs,
  log: redaction ?? log,
  showsIds: !redacts,
  budget: { ofBody: settings.bodyMaxBytes, ofAll: settings.memoryMaxBytes, used: 0 },
  keepsBodies: settings.keepsBodies,
  usage,
  open,
  samplePercent: settings.samplePercent,
  storedHeaders: settings.storedHeaders,
  ownPaths: settings.ownPaths,
  metrics,
  logger,
  unready: () => (stopping ? "the recorder is ending" : unready),
  stopping: () => stopping,
});
server.listen(settings.port, "0.0.0.0");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
logger.info({ port, predictor: settings.predictor, schema: settings.schema, logId: log.id }, "listening");
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(signal));

function startShipper(counted: Metrics): void {
  const workerData: ShipperInput = { logId: log.id, positions: log.positions.buffer };
  const worker = new Worker(new URL("./shipper.ts", import.meta.url), { workerData, argv: process.argv.slice(2) });
  shipper = worker;
  worker.on("message", (message: ShipperReport) => {
    switch (message.kind) {
      case "ready":
        unready = undefined;
        verified ||= message.verified;
        break;
      case "unready":
        logger.error(message.reason);
        // A recorder that had its tables once goes on answering without them: predictions come first.
        if (!verified) unready = message.reason;
        break;
      case "stored":
        counted.stored.inc(message.predictions);
        for (const { firstTokenMs, pieces, failure } of message.streams) {
          counted.streams.inc();
          counted.pieces.inc(pieces);
          if (firstTokenMs !== null) counted.firstToken.observe(firstTokenMs / 1000);
          if (failure) counted.failures.inc({ failure });
        }
        break;
      case "older":
        logger.warn({ columns: message.columns }, olderTables(message.columns));
        break;
      case "lost":
        onLoss(message.reason, message.requests);
        break;
      case "failed":
        counted.storeFailures.inc();
        logger.warn({ code: message.code, logBytes: log.positions.end - log.positions.stored }, message.sentence);
    }
  });
  worker.on("error", (error) => logger.error({ err: error }, "storing failed; it begins again"));
  worker.once("exit", () => {
    if (!stopping) setTimeout(() => startShipper(counted), restartMs);
  });
}

function olderTables(columns: readonly string[]): string {
  if (columns.length === 0) return `the tables in schema ${settings.schema} are up to date`;
  const waits = redacts && columns.includes(redactedColumn);
  const what = waits ? "redacted predictions wait in the log" : "predictions are stored without them";
  return `the tables in schema ${settings.schema} lack ${columns.join(", ")}: ${what} until the stack's next \`up\` adds them`;
}

async function stop(signal: string): Promise<void> {
  stopping = true;
  logger.info({ signal }, "stopping");
  await delay(signal === "SIGTERM" ? drainMs : 0);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection whose answer began before is kept alive by its client, and idle once that has ended.
  const idle = setInterval(() => server.closeIdleConnections(), idleMs);
  await Promise.race([closed, delay(answersMs)]);
  clearInterval(idle);
  server.closeAllConnections();
  // What was cut off comes into the log as its connection closes.
  await closed;
  await Promise.race([redaction?.drained(), delay(storeMs)]);
  await Promise.race([usage?.end(), delay(storeMs)]);
  await log.close();
  const until = performance.now() + storeMs;
  const left = (): number => log.positions.end - log.positions.stored;
  while (left() > 0 && performance.now() < until) await delay(20);
  if (left() > 0)
    logger.error({ logBytes: left() }, "the database did not take all of the log; it stays in its folder");
  process.exit(0);
}
