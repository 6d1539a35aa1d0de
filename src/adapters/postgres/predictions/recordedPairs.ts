import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { RecordedAnswer, RecordedBody, RecordedCounts, RecordedPair } from "../../../domain/shadow/recorded.ts";
import { quoteIdentifier } from "../identifier.ts";

/** The records of one side. */
export interface RecordedSide {
  readonly schema: string;
  /**
   * Answers of this `model_version` only.
   * @default all
   */
  readonly version?: string | undefined;
}

/** Which requests are compared, by the time that the primary got them. */
export interface RecordedSelection {
  readonly primary: RecordedSide;
  readonly shadow: RecordedSide;
  readonly since: Date;
  /** Not included. */
  readonly until: Date;
}

/** Requests read at once. */
const defaultBatch = 2_000;
/** A recorder stores in batches, and a copy takes its way: until then a request without partner is pending. */
const settlingMs = 30_000;

/**
 * The pairs of a selection, day by day and batch by batch, so that memory does not grow with their number. Bodies that are
 * the same are not read. Needs a transaction of its own, which {@link recordedCounts} should share.
 */
export async function* recordedPairs(
  client: ClientBase,
  selection: RecordedSelection,
  batch: number = defaultBatch,
): AsyncGenerator<RecordedPair[]> {
  const { primary, shadow, since, until } = selection;
  const sql = await statement("recordedPairs.sql", selection);
  // Else the planner looks for a quick first row, and finds a million look-ups one by one.
  await client.query(
    "SET LOCAL cursor_tuple_fraction = 1; SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'",
  );
  for (const day of await recordedDays(client, selection)) {
    const values = [day, since, until, primary.version ?? null, shadow.version ?? null];
    await client.query(`DECLARE recorded_pairs NO SCROLL CURSOR FOR ${sql}`, values);
    for (;;) {
      const { rows } = await client.query<PairRow>(`FETCH ${batch} FROM recorded_pairs`);
      if (rows.length > 0) yield rows.map(toPair);
      if (rows.length < batch) break;
    }
    await client.query("CLOSE recorded_pairs");
  }
}

/** How much each side recorded; `paired` is what {@link recordedPairs} found. */
export async function recordedCounts(
  client: ClientBase,
  selection: RecordedSelection,
  paired: number,
): Promise<RecordedCounts> {
  const { primary, shadow, since, until } = selection;
  const settled = new Date(Math.min(until.getTime(), Date.now()) - settlingMs);
  const { rows } = await client.query<Omit<RecordedCounts, "paired">>(
    await statement("recordedCounts.sql", selection),
    [since, until, primary.version ?? null, shadow.version ?? null, settled],
  );
  const counts = rows[0] ?? { primary: 0, shadow: 0, pending: 0, unpaired: 0, lostByRecorders: 0 };
  return { ...counts, primary: counts.primary - counts.pending, paired };
}

/** UTC days with partitions in the selection, as `YYYY-MM-DD`. */
async function recordedDays(client: ClientBase, { primary, since, until }: RecordedSelection): Promise<string[]> {
  const { rows } = await client.query<{ day: string }>(
    `SELECT day::text AS day
       FROM (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_[0-9]{8}$') days
      WHERE day BETWEEN ($2 AT TIME ZONE 'UTC')::date AND ($3 AT TIME ZONE 'UTC')::date
      ORDER BY day`,
    [`${quoteIdentifier(primary.schema)}.inference_requests`, since, until],
  );
  return rows.map(({ day }) => day);
}

async function statement(file: string, { primary, shadow }: RecordedSelection): Promise<string> {
  const text = await readFile(join(import.meta.dirname, file), "utf8");
  const schemas = { primary: quoteIdentifier(primary.schema), shadow: quoteIdentifier(shadow.schema) };
  return text.replaceAll(/:(primary|shadow)\b/g, (_, side: "primary" | "shadow") => schemas[side]);
}

interface PairRow {
  readonly request_id: string;
  readonly at: number;
  readonly primary_status: number | null;
  readonly shadow_status: number | null;
  readonly primary_latency: number | null;
  readonly shadow_latency: number | null;
  readonly same_body: boolean;
  readonly primary_truncated: boolean;
  readonly shadow_truncated: boolean;
  readonly primary_data: unknown;
  readonly shadow_data: unknown;
  readonly primary_digest: string | null;
  readonly shadow_digest: string | null;
}

function toPair(row: PairRow): RecordedPair {
  const body = (truncated: boolean, digest: string | null, json: unknown): RecordedBody => {
    if (truncated) return { truncated };
    return digest === null ? { json } : { digest };
  };
  const answer = (status: number | null, latencyMs: number | null, recorded: RecordedBody): RecordedAnswer => ({
    status,
    latencyMs,
    body: recorded,
  });
  return {
    requestId: row.request_id,
    at: row.at,
    sameBody: row.same_body,
    primary: answer(
      row.primary_status,
      row.primary_latency,
      body(row.primary_truncated, row.primary_digest, row.primary_data),
    ),
    shadow: answer(
      row.shadow_status,
      row.shadow_latency,
      body(row.shadow_truncated, row.shadow_digest, row.shadow_data),
    ),
  };
}
