/**
 * The thread that stores: it reads the log that the forwarding thread writes, and moves it into the database. Parsing of large
 * bodies and a database that is away hold back nothing but itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import type { ReadPrediction } from "../../adapters/postgres/predictions/copyRows.ts";
import { MissingTables, PositionMoved, PredictionStore } from "../../adapters/postgres/predictions/store.ts";
import { clientConfig, connectionIssue, sqlState } from "../../adapters/postgres/server.ts";
import { LogPositions } from "../../adapters/predictionLog/positions.ts";
import { type LogBatch, readBatch } from "../../adapters/predictionLog/read.ts";
import { removeBefore } from "../../adapters/predictionLog/segments.ts";
import { readAnswer } from "../../adapters/predictions/readAnswer.ts";
import { messageOf } from "../../domain/errors.ts";
import { type OpenTold, openSlots } from "../../domain/recording/openRequests.ts";
import { sentenceOf } from "../../domain/refusals/clause.ts";
import { readSettings } from "./settings.ts";
import type { ShipperInput, ShipperReport, StoredStream } from "./shipping.ts";
import { yieldToOtherThreads } from "./threadPriority.ts";

/** Of one transaction: the bytes of the log, and predictions. */
const largest = { bytes: 4 * 1024 ** 2, predictions: 4_000 };
/** Between attempts while the database is away, in milliseconds. */
const [firstPause, longestPause] = [100, 3_000];
/** How often stored files of the log are removed, while there is something to store. */
const removeEveryMs = 1_000;
const maintainEveryMs = 60 * 60 * 1000;
/** How often tables that lack columns are checked again. */
const columnsEveryMs = 5_000;
const queryTimeoutMs = 60_000;

// The log on disk keeps what is not stored yet, so that storing can wait.
yieldToOtherThreads();
const settings = readSettings(process.env, process.argv.slice(2));
const { logId, positions: shared } = workerData as ShipperInput;
const positions = new LogPositions(shared);
const store = new PredictionStore({
  schema: settings.schema,
  logId,
  recorder: settings.name,
  modelVersion: settings.modelVersion,
});
/** What was open at moments that are not stored yet. */
const open: OpenTold[] = [];
parentPort?.on("message", (told: OpenTold) => {
  open.push(told);
  // Of moments that long ago nobody asks any more.
  if (open.length > openSlots) open.shift();
});
/** Predictions of the next batch: fewer after a batch that the database refused, until the refused one is alone. */
let limit = largest.predictions;
let [removedTo, removedAt] = [0, Number.NEGATIVE_INFINITY];
let maintainedAt = Number.NEGATIVE_INFINITY;
let [missingColumns, columnsAt] = [0, Number.NEGATIVE_INFINITY];

const report = (message: ShipperReport): void => parentPort?.postMessage(message);

for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
  const failed = await connectAndStore(() => {
    pause = firstPause;
  });
  if (isMisconfigured(failed)) report({ kind: "unready", reason: explained(failed) });
  else report({ kind: "ready", verified: false });
  if (!(failed instanceof PositionMoved)) {
    report({
      kind: "failed",
      sentence: messageOf(failed),
      code: sqlState(failed) ?? (failed as NodeJS.ErrnoException).code,
    });
  }
  await delay(pause);
}

/** Stores until something fails, and returns the error. */
async function connectAndStore(onProgress: () => void): Promise<unknown> {
  const client = new pg.Client({
    ...clientConfig(settings.database, settings.database.maintenanceDatabase),
    application_name: `recorder ${settings.name}`,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
  });
  // A connection that breaks fails the query under way; without a listener it would end the thread.
  client.on("error", () => {});
  try {
    await client.connect();
    const missing = await store.missingTables(client);
    if (missing.length > 0) throw new MissingTables(settings.schema, missing);
    let position = await store.position(client);
    await lookAtColumns(client);
    report({ kind: "ready", verified: true });
    for (;;) {
      if (missingColumns > 0 && performance.now() - columnsAt > columnsEveryMs) await lookAtColumns(client);
      if (performance.now() - maintainedAt > maintainEveryMs) {
        await store.maintain(client);
        maintainedAt = performance.now();
      }
      positions.stored = position;
      if (open.length > 0) await store.storeOpen(client, open.splice(0));
      const batch = await readBatch(settings.logFolder, position, positions.end, { ...largest, predictions: limit });
      if (batch.to === position) {
        if (removedTo < position) await removeStored(position);
        await delay(settings.storeEveryMs);
        continue;
      }
      await storeBatch(client, batch);
      position = batch.to;
      positions.stored = position;
      if (performance.now() - removedAt > removeEveryMs) await removeStored(position);
      onProgress();
      if (batch.to === positions.end) await delay(settings.storeEveryMs);
    }
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => {});
  }
}

async function removeStored(position: number): Promise<void> {
  await removeBefore(settings.logFolder, position);
  [removedTo, removedAt] = [position, performance.now()];
}

async function lookAtColumns(client: pg.Client): Promise<void> {
  const columns = await store.missingColumns(client);
  if (columns.length !== missingColumns) report({ kind: "older", columns });
  [missingColumns, columnsAt] = [columns.length, performance.now()];
}

async function storeBatch(client: pg.Client, read: LogBatch): Promise<void> {
  const losses = [...read.losses];
  if (read.damagedBytes > 0) losses.push({ reason: "damaged", requests: 1, at: Date.now() });
  const predictions: ReadPrediction[] = [];
  for (const prediction of read.predictions) {
    predictions.push({ ...prediction, answer: await readAnswer(prediction) });
  }
  const batch = { ...read, predictions };
  const whole = { ...batch, losses };
  try {
    tell(batch, await store.store(client, whole));
    limit = Math.min(limit * 2, largest.predictions);
  } catch (error) {
    if (!isRefusedRow(error)) throw error;
    if (batch.predictions.length > 1) {
      limit = Math.ceil(batch.predictions.length / 2);
      throw new PositionMoved("the batch is cut in two");
    }
    report({ kind: "failed", sentence: "a row was refused", code: sqlState(error) });
    try {
      tell(batch, await store.store(client, { ...whole, asBytes: true }));
    } catch (again) {
      if (!isRefusedRow(again)) throw again;
      await store.store(client, {
        ...whole,
        predictions: [],
        losses: [...losses, { reason: "refused", requests: 1, at: Date.now() }],
      });
      report({ kind: "lost", reason: "refused", requests: 1 });
    }
  }
}

function tell(batch: LogBatch & { readonly predictions: readonly ReadPrediction[] }, stored: number): void {
  const expired = batch.predictions.length - stored;
  if (stored > 0) report({ kind: "stored", predictions: stored, streams: batch.predictions.flatMap(streamOf) });
  if (expired > 0) report({ kind: "lost", reason: "expired", requests: expired });
  if (batch.damagedBytes > 0) report({ kind: "lost", reason: "damaged", requests: 1 });
}

function streamOf({ answer: { facts, failure }, failure: seen, arrivals }: ReadPrediction): StoredStream[] {
  if (!facts.streamed) return [];
  const { firstTokenMs } = facts;
  // Those that the forwarding saw are counted already.
  const found = failure === "failed" || failure !== seen ? failure : null;
  return [{ firstTokenMs, pieces: arrivals?.pieces ?? 1, failure: found }];
}

/** Classes of SQLSTATE that are about a row's content: data exceptions, constraints, limits; and memory, which a smaller batch needs less of. */
function isRefusedRow(error: unknown): boolean {
  const state = sqlState(error) ?? "";
  return ["22", "23", "54"].includes(state.slice(0, 2)) || state === "53200";
}

/** No table, schema or database; wrong login; no privilege; no TLS, or a certificate that is not trusted. */
function isMisconfigured(error: unknown): boolean {
  const state = sqlState(error) ?? "";
  if (connectionIssue(error, settings.database) !== undefined) return true;
  return error instanceof MissingTables || ["28", "3D", "3F", "42"].includes(state.slice(0, 2));
}

function explained(error: unknown): string {
  if (error instanceof MissingTables) return error.message;
  const { user, host, port, maintenanceDatabase } = settings.database;
  const issue = connectionIssue(error, settings.database);
  if (issue !== undefined)
    return `PostgreSQL at ${host}:${port}, database ${maintenanceDatabase}, user ${user}: ${sentenceOf(issue)}`;
  return `the database ${maintenanceDatabase} at ${host}:${port} refuses ${user} (${sqlState(error)}): ${messageOf(error)}`;
}
