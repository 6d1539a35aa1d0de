import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { operationAsked } from "../../../domain/protocols/asked.ts";
import type { OperationName } from "../../../domain/protocols/operation.ts";
import { operationNamed } from "../../../domain/protocols/operations.ts";
import type { Failure } from "../../../domain/recording/prediction.ts";
import type { RecordedCounts, RecordedPair } from "../../../domain/shadow/recorded.ts";
import { type ComparisonRules, uncountedKeys } from "../../../domain/shadow/rules.ts";
import { isSampled, sampledOperations, samplingFields } from "../../../domain/shadow/sampling.ts";
import { readBody } from "../../predictions/decodedBody.ts";
import { quoteIdentifier } from "../identifier.ts";
import { recordedBody, type StoredBody } from "./storedBody.ts";

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

/** What it takes to know which bodies have to be read. */
export interface PairSelection extends RecordedSelection {
  /** @default only what the operations themselves leave out does not count */
  readonly rules?: ComparisonRules | undefined;
  /** Reads answers to requests that may be sampled where they are equal too. @default false */
  readonly readsSampled?: boolean | undefined;
}

/** Ids of requests that a comparison sends itself, to ask a primary once more, begin with this; they are not compared. */
export const againPrefix = "menagerie-again-";
/** Requests read at once, at most. */
const defaultBatch = 2_000;
/** As many are read first, before it is known how much one takes. */
const firstBatch = 100;
/** Characters of bodies in one batch, on average, so that long answers take no more memory than short ones. */
const charactersAtOnce = 512 * 1024;
/** The bodies of a pair that is read with others; larger ones are read alone. In bytes. */
const defaultBodies = 32 * 1024;
/** A recorder stores in batches, and a copy takes its way: until then a request without partner is pending. */
const settlingMs = 30_000;

/**
 * The pairs of a selection, day by day and batch by batch, so that memory does not grow with their number. Bodies that are
 * the same but for keys that do not count are not read. Needs a transaction of its own, which {@link recordedCounts} should share.
 */
export async function* recordedPairs(
  client: ClientBase,
  selection: PairSelection,
  batch: number = defaultBatch,
  bodies: number = defaultBodies,
): AsyncGenerator<RecordedPair[]> {
  const { primary, shadow, since, until } = selection;
  const sql = await statement("recordedPairs.sql", selection);
  const bodiesSql = await statement("recordedBodies.sql", selection);
  const uncounted = JSON.stringify(uncountedKeys(selection.rules));
  // Else the planner looks for a quick first row, and finds a million look-ups one by one.
  await client.query("SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '64MB'");
  for (const day of await recordedDays(client, selection)) {
    const versions = [primary.version ?? null, shadow.version ?? null];
    const reading = [samplingFields, againPrefix, sampledOperations, selection.readsSampled ?? false, uncounted];
    const values = [day, since, until, ...versions, bodies, ...reading];
    await client.query("SET LOCAL enable_nestloop = off");
    await client.query(`DECLARE recorded_pairs NO SCROLL CURSOR FOR ${sql}`, values);
    // What is looked up by its key in between is.
    await client.query("SET LOCAL enable_nestloop = on");
    for (let next = Math.min(firstBatch, batch); ; ) {
      const { rows } = await client.query<PairRow>(`FETCH ${next} FROM recorded_pairs`);
      const pairs: RecordedPair[] = [];
      for (const row of rows) {
        if (!row.large_bodies) pairs.push(toPair(row, row));
        else {
          const key = [day, row.shadow_day, row.request_id, row.attempt];
          const read = (await client.query<PairBodies>(bodiesSql, key)).rows[0];
          // What was read before goes first, so that one large pair is held at a time.
          if (pairs.length > 0) yield pairs.splice(0);
          if (read) yield [toPair(row, read)];
        }
      }
      if (pairs.length > 0) yield pairs;
      if (rows.length < next) break;
      next = Math.min(batch, followingBatch(rows));
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
    [since, until, primary.version ?? null, shadow.version ?? null, settled, againPrefix],
  );
  const counts = rows[0] ?? { primary: 0, shadow: 0, pending: 0, unpaired: 0, lostByRecorders: 0 };
  return { ...counts, primary: counts.primary - counts.pending, paired };
}

/** How many requests to read after these, so that a batch holds {@link charactersAtOnce}. */
function followingBatch(rows: readonly PairRow[]): number {
  let characters = 0;
  for (const row of rows) {
    characters += (row.primary_data?.length ?? 0) + (row.shadow_data?.length ?? 0);
    characters += (row.primary_raw?.length ?? 0) + (row.shadow_raw?.length ?? 0);
  }
  const fitting = Math.floor((rows.length * charactersAtOnce) / Math.max(1, characters));
  // The next ones may be larger than these.
  return Math.max(1, Math.min(fitting, 2 * rows.length));
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

export interface PairBodies {
  readonly primary_data: string | null;
  readonly shadow_data: string | null;
  readonly primary_raw: Buffer | null;
  readonly shadow_raw: Buffer | null;
}

/** A row of a statement that reads pairs. */
export interface PairRow extends PairBodies {
  readonly request_id: string;
  readonly attempt: number;
  readonly shadow_day: string;
  readonly at: number;
  readonly primary_status: number | null;
  readonly shadow_status: number | null;
  readonly primary_failure: Failure | null;
  readonly shadow_failure: Failure | null;
  readonly primary_latency: number | null;
  readonly shadow_latency: number | null;
  readonly primary_truncated: boolean;
  readonly shadow_truncated: boolean;
  readonly primary_encoding: string | null;
  readonly shadow_encoding: string | null;
  readonly operation: OperationName | null;
  readonly predict_url: string;
  readonly primary_first_token: number | null;
  readonly shadow_first_token: number | null;
  readonly primary_tokens: number | null;
  readonly shadow_tokens: number | null;
  readonly sampling: string | null;
  readonly request_raw: Buffer | null;
  readonly request_encoding: string | null;
  readonly same_body: boolean;
  readonly large_bodies: boolean;
}

export function toPair(row: PairRow, bodies: PairBodies): RecordedPair {
  const stored = (side: "primary" | "shadow"): StoredBody => ({
    data: bodies[`${side}_data`],
    raw: bodies[`${side}_raw`],
    truncated: row[`${side}_truncated`],
    encoding: row[`${side}_encoding`],
  });
  const answer = (side: "primary" | "shadow") => ({
    status: row[`${side}_status`],
    failure: row[`${side}_failure`],
    latencyMs: row[`${side}_latency`],
    firstTokenMs: row[`${side}_first_token`],
    completionTokens: row[`${side}_tokens`],
    body: row.same_body ? { json: null } : recordedBody(stored(side)),
  });
  // Rows of older recorders do not say what was asked.
  const operation = row.operation ?? operationAsked(row.predict_url)?.name ?? null;
  return {
    requestId: row.request_id,
    attempt: row.attempt,
    at: row.at,
    operation,
    isSampled: operation !== null && isSampled(operationNamed(operation), requestOf(row)),
    sameBody: row.same_body,
    primary: answer("primary"),
    shadow: answer("shadow"),
  };
}

/** As much of a request as says whether it is sampled. One that was not kept whole may have said anything, or nothing. */
function requestOf({ sampling, request_raw: raw, request_encoding: encoding }: PairRow): unknown {
  if (sampling !== null) return JSON.parse(sampling);
  if (raw === null) return {};
  const read = readBody(raw, encoding);
  return "json" in read ? read.json : undefined;
}
