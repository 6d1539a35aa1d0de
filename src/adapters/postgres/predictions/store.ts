import { pipeline } from "node:stream/promises";
import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { AttemptNumbers, attemptKey } from "../../../domain/recording/attempts.ts";
import { type OpenTold, openEvery, openSlots } from "../../../domain/recording/openRequests.ts";
import { dayText, type Loss, type RecordedPrediction, utcDay } from "../../../domain/recording/prediction.ts";
import { quoteIdentifier } from "../identifier.ts";
import { sqlState } from "../server.ts";
import { inTransaction } from "../transaction.ts";
import { type CopiedRows, copyRows, laterColumns, type ReadPrediction, redactedColumn } from "./copyRows.ts";

/** The part of a recorder's log between two positions. */
export interface StoredBatch {
  readonly from: number;
  readonly to: number;
  readonly predictions: readonly ReadPrediction[];
  readonly losses: readonly Loss[];
  /** Store bodies as bytes: for a row that the database refuses otherwise. */
  readonly asBytes?: boolean;
}

export interface StoreOptions {
  readonly schema: string;
  readonly logId: string;
  /** Name of the recorder, such as its pod's. */
  readonly recorder: string;
  readonly modelVersion: string | null;
}

/** Thrown when somebody else moved the log's position, or a commit whose answer was lost: read it again. */
export class PositionMoved extends Error {
  override readonly name = "PositionMoved";
}

/** Thrown where the prediction tables were not made. */
export class MissingTables extends Error {
  override readonly name = "MissingTables";

  constructor(schema: string, missing: readonly string[]) {
    super(`schema ${schema} has no table ${missing.join(", ")}; make the prediction tables before the recorder`);
  }
}

/** Thrown where tables of an earlier release have no column for what makes a row safe to read: it is stored once `up` has added it. */
export class UnmarkedRedaction extends Error {
  override readonly name = "UnmarkedRedaction";

  constructor(schema: string) {
    super(
      `the tables in schema ${schema} lack ${redactedColumn}: without it, redacted predictions are not stored; the log keeps them until the stack's next \`up\` adds it`,
    );
  }
}

/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const [uniqueViolation, checkViolation] = ["23505", "23514"];
/** Another recorder may take the number that was just found free; then the next is tried. */
const numberingTries = 20;

/**
 * Stores batches of a recorder's log in the prediction tables of one schema: rows, losses and the log's new position in one
 * transaction, so that nothing is stored twice and nothing between two positions is left out.
 */
export class PredictionStore {
  readonly #options: StoreOptions;
  readonly #attempts = new AttemptNumbers();
  readonly #days = new Map<number, boolean>();
  #missing: ReadonlySet<string> = new Set();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** The tables that are missing in the schema; none when a recorder can begin. */
  async missingTables(client: Client): Promise<string[]> {
    const wanted = ["inference_requests", "inference_response", "recorder_log", "recording_losses"];
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM unnest($2::text[]) AS name
        WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname = $1 AND c.relname = name AND c.relkind IN ('r', 'p'))
        ORDER BY name`,
      [this.#options.schema, wanted],
    );
    return rows.map(({ name }) => name);
  }

  /**
   * Columns that an earlier release's tables do not have; what belongs there is left out until it is asked again and they have. Recorders may
   * start before the run that brings their tables up to date.
   */
  async missingColumns(client: Client): Promise<string[]> {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM unnest($2::text[]) AS name
        WHERE NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                            JOIN pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname = $1 AND c.relname IN ('inference_requests', 'inference_response')
                             AND a.attname = name AND NOT a.attisdropped)
        ORDER BY name`,
      [this.#options.schema, laterColumns],
    );
    const names = rows.map(({ name }) => name);
    this.#missing = new Set(names);
    return names;
  }

  /** Position up to which the log is stored; the log is entered at 0 where it is new. */
  async position(client: Client): Promise<number> {
    const { logId, recorder } = this.#options;
    const log = this.#table("recorder_log");
    await client.query(`INSERT INTO ${log} (log_id, position, recorder) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING`, [
      logId,
      recorder,
    ]);
    const { rows } = await client.query<{ position: string }>(`SELECT position FROM ${log} WHERE log_id = $1`, [logId]);
    return Number(rows[0]?.position ?? 0);
  }

  /** Makes the days ahead and drops those past retention. */
  async maintain(client: Client): Promise<void> {
    this.#days.clear();
    await client.query(`SELECT ${this.#table("maintain_prediction_days")}()`);
  }

  /**
   * Answers how many predictions are stored; the others are past retention.
   *
   * @throws UnmarkedRedaction, with nothing stored: comparison and replay would take a redacted row without its mark for what was said.
   */
  async store(client: Client, batch: StoredBatch): Promise<number> {
    if (this.#missing.has(redactedColumn) && batch.predictions.some(({ redacted }) => redacted))
      throw new UnmarkedRedaction(this.#options.schema);
    await this.#makeDays(client, batch.predictions);
    const kept = batch.predictions.filter(({ requestTime }) => this.#days.get(utcDay(requestTime)));
    const expired = batch.predictions.length - kept.length;
    const losses: Loss[] =
      expired === 0 ? [...batch.losses] : [...batch.losses, { reason: "expired", requests: expired, at: Date.now() }];
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#tryToStore(client, { ...batch, predictions: kept, losses });
        this.#attempts.stored();
        return kept.length;
      } catch (error) {
        if (tries >= numberingTries) throw error;
        if (sqlState(error) === uniqueViolation) await this.#findNumbers(client, kept);
        // The day's partition was dropped meanwhile.
        else if (sqlState(error) === checkViolation && this.#days.size > 0 && tries === 1) {
          this.#days.clear();
          return this.store(client, batch);
        } else throw error;
      }
    }
  }

  /** Stores what was open, each moment in the place of one that nobody asks for any more. Tables of an earlier release have no room for it. */
  async storeOpen(client: Client, told: readonly OpenTold[]): Promise<void> {
    const { logId, modelVersion } = this.#options;
    const table = this.#table("recorder_open");
    const { rows } = await client.query<{ exists: boolean }>("SELECT to_regclass($1) IS NOT NULL AS exists", [table]);
    if (rows[0]?.exists !== true) return;
    for (const { at, counts } of told) {
      const slot = Math.floor(at / 1000 / openEvery) % openSlots;
      await client.query(
        `INSERT INTO ${table} (log_id, slot, at, model_version, open) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (log_id, slot) DO UPDATE SET at = excluded.at, model_version = excluded.model_version, open = excluded.open`,
        [logId, slot, new Date(at), modelVersion, JSON.stringify(counts)],
      );
    }
  }

  #tryToStore(client: Client, { from, to, predictions, losses, asBytes }: StoredBatch): Promise<void> {
    const { logId, recorder, modelVersion } = this.#options;
    const keys = predictions.map(({ requestTime, requestId }) => attemptKey(utcDay(requestTime), requestId));
    const attempts = this.#attempts.number(keys);
    const rows = predictions.map((prediction, index) => ({ prediction, attempt: attempts[index] ?? 1 }));
    return inTransaction(client, async () => {
      if (rows.length > 0) {
        const options = { modelVersion, asBytes: asBytes ?? false, missing: this.#missing };
        const { requests, responses } = copyRows(rows, options);
        await this.#copy(client, "inference_requests", requests);
        await this.#copy(client, "inference_response", responses);
      }
      for (const { reason, requests, at } of added(losses)) {
        await client.query(
          `INSERT INTO ${this.#table("recording_losses")} (log_id, position, lost_at, reason, requests, recorder)
           VALUES ($1, $2, $3, $4, $5, $6)`,
          [logId, to, new Date(at), reason, requests, recorder],
        );
      }
      const moved = await client.query(
        `UPDATE ${this.#table("recorder_log")} SET position = $3, stored_at = now(), recorder = $4
          WHERE log_id = $1 AND position = $2`,
        [logId, from, to, recorder],
      );
      if (moved.rowCount !== 1) throw new PositionMoved(`the log ${logId} is not at ${from} any more`);
    });
  }

  async #copy(client: Client, table: string, { columns, rows }: CopiedRows["requests"]): Promise<void> {
    const target = `${this.#table(table)} (${columns.join(", ")})`;
    await pipeline([rows], client.query(copyFrom(`COPY ${target} FROM STDIN (FORMAT binary)`)));
  }

  /** A day's partitions are asked for once. */
  async #makeDays(client: Client, predictions: readonly RecordedPrediction[]): Promise<void> {
    for (const day of new Set(predictions.map(({ requestTime }) => utcDay(requestTime)))) {
      if (this.#days.has(day)) continue;
      const { rows } = await client.query<{ made: boolean }>(
        `SELECT ${this.#table("make_prediction_day")}($1::date) AS made`,
        [dayText(day)],
      );
      this.#days.set(day, rows[0]?.made === true);
    }
  }

  async #findNumbers(client: Client, predictions: readonly RecordedPrediction[]): Promise<void> {
    const { rows } = await client.query<{ day: string; id: string; attempt: number }>(
      `SELECT r.day - '1970-01-01'::date AS day, r.request_id AS id, max(r.attempt) AS attempt
         FROM ${this.#table("inference_requests")} r
         JOIN (SELECT DISTINCT * FROM unnest($1::date[], $2::text[]) AS k (day, request_id)) AS k USING (day, request_id)
        GROUP BY r.day, r.request_id`,
      [
        predictions.map(({ requestTime }) => dayText(utcDay(requestTime))),
        predictions.map(({ requestId }) => requestId),
      ],
    );
    for (const { day, id, attempt } of rows) this.#attempts.found(attemptKey(Number(day), id), attempt);
  }

  #table(name: string): string {
    return `${quoteIdentifier(this.#options.schema)}.${quoteIdentifier(name)}`;
  }
}

/** One row per reason. */
function added(losses: readonly Loss[]): Loss[] {
  const sums = new Map<string, Loss>();
  for (const loss of losses) {
    const before = sums.get(loss.reason);
    sums.set(loss.reason, before ? { ...before, requests: before.requests + loss.requests } : loss);
  }
  return [...sums.values()];
}
