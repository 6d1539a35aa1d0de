import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { operationAsked } from "../../../domain/protocols/asked.ts";
import type { OperationName } from "../../../domain/protocols/operation.ts";
import type { RecordedAnswer } from "../../../domain/shadow/recorded.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";
import { explained } from "./oldTables.ts";
import { dayOf, type RequestKey } from "./recordedAnswers.ts";
import { againPrefix, type RecordedSide } from "./recordedPairs.ts";
import { recordedBody } from "./storedBody.ts";

/** Which recorded requests are read. */
export interface RecordedRange {
  readonly side: RecordedSide;
  readonly since: Date;
  /** Not included. */
  readonly until: Date;
  /** At most so many. */
  readonly limit: number;
  /**
   * `id`: in the order of the primary key; a limit takes ids, which are random, rather than an hour of the day. `time`: as they came, the first
   * ones.
   * @default id
   */
  readonly order?: "id" | "time" | undefined;
}

/** A request that was recorded whole and answered, with the answer. */
export interface RecordedRequest {
  readonly requestId: string;
  /** 1, or more where the id came again that day. */
  readonly attempt: number;
  /** Null where neither its row nor its url says. */
  readonly operation: OperationName | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Path and query, as they were recorded. */
  readonly url: string;
  readonly body: Buffer;
  /** Content type and encoding, as far as the request had them. */
  readonly headers: Readonly<Record<string, string>>;
  /** It holds pseudonyms, and `answer` is to the values that they stand for: no other answer is compared with it. */
  readonly redacted: boolean;
  readonly answer: RecordedAnswer;
}

/** Requests read at once: a body may have megabytes. */
const pageSize = 32;

interface Row {
  readonly day: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly at: number;
  readonly predict_url: string;
  readonly json: string | null;
  readonly raw: Buffer | null;
  readonly truncated: boolean;
  readonly redacted: boolean;
  readonly content_type: string | null;
  readonly content_encoding: string | null;
  readonly operation: OperationName | null;
  readonly status: number | null;
  readonly latency_ms: number;
  readonly first_token_ms: number | null;
  readonly completion_tokens: number | null;
  readonly answer_json: string | null;
  readonly answer_raw: Buffer | null;
  readonly answer_encoding: string | null;
  readonly answer_truncated: boolean;
}

/**
 * How many requests a range holds, of those that its limit allows; how many of the range, whatever the limit, are redacted; and how many besides
 * were not kept whole.
 * @throws OperatorError where there are no prediction tables.
 */
export async function countRecordedRequests(
  client: ClientBase,
  { side, since, until, limit }: RecordedRange,
): Promise<{ requests: number; truncated: number; redacted: number }> {
  const schema = quoteIdentifier(side.schema);
  try {
    const { rows } = await client.query<{ requests: number; truncated: number; redacted: number }>(
      `SELECT least(count(*) FILTER (WHERE NOT q.truncated), $4)::integer AS requests,
              count(*) FILTER (WHERE q.truncated)::integer AS truncated,
              count(*) FILTER (WHERE NOT q.truncated AND q.redacted)::integer AS redacted
         FROM ${schema}.inference_requests q JOIN ${schema}.inference_response r USING (day, request_id, attempt)
        WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
          AND q.request_time >= $1 AND q.request_time < $2 AND r.failure IS NULL
          AND NOT starts_with(q.request_id, $5) AND ($3::text IS NULL OR r.model_version = $3)`,
      [since, until, side.version ?? null, limit, againPrefix],
    );
    return rows[0] ?? { requests: 0, truncated: 0, redacted: 0 };
  } catch (error) {
    // No such schema or table.
    if (sqlState(error) !== "3F000" && sqlState(error) !== "42P01") throw error;
    throw refuse("predictions.no-side", { schema: side.schema }, error);
  }
}

/** $1 $2 time of the requests, $3 version or null, $4 beginning of ids that a comparison itself has sent. */
const inRange = `WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
   AND q.request_time >= $1 AND q.request_time < $2
   AND r.failure IS NULL AND NOT starts_with(q.request_id, $4)
   AND ($3::text IS NULL OR r.model_version = $3)`;
/** $5 $6 $7 the key after which to go on, $8 how many. */
const page = `${inRange} AND (q.day, q.request_id, q.attempt) > ($5::date, $6::text, $7::integer)
 ORDER BY q.day, q.request_id, q.attempt
 LIMIT $8`;
/** $1 days, $2 ids, $3 attempts. */
const byKey = "WHERE (q.day, q.request_id, q.attempt) IN (SELECT * FROM unnest($1::date[], $2::text[], $3::integer[]))";

/** The requests of a range, a page at a time; one that was not kept whole is left out. */
export async function* recordedRequests(client: ClientBase, range: RecordedRange): AsyncGenerator<RecordedRequest> {
  let left = range.limit;
  const rows = range.order === "time" ? rowsByTime(client, range) : rowsById(client, range);
  try {
    for await (const row of rows) {
      if (row.truncated) continue;
      if (left === 0) return;
      left -= 1;
      yield toRequest(row);
    }
  } catch (error) {
    throw explained(error, range.side.schema);
  }
}

/**
 * Single requests, in the order of their keys; undefined for what was not kept whole, and what got no whole answer; also for what is redacted, of
 * which the model that answered cannot be asked again what it was asked.
 */
export async function recordedRequestsOf(
  client: ClientBase,
  side: RecordedSide,
  keys: readonly RequestKey[],
): Promise<(RecordedRequest | undefined)[]> {
  const rows = await client.query<Row>(await statement(side, byKey), [
    keys.map(({ at }) => dayOf(at)),
    keys.map(({ requestId }) => requestId),
    keys.map(({ attempt }) => attempt ?? 1),
  ]);
  const byName = new Map(rows.rows.map((row) => [nameOf(row.day, row.request_id, row.attempt), row]));
  return keys.map(({ at, requestId, attempt }) => {
    const row = byName.get(nameOf(dayOf(at), requestId, attempt ?? 1));
    return row && !row.truncated && !row.redacted ? toRequest(row) : undefined;
  });
}

/**
 * The latest request with an id, whenever it came; undefined where none was recorded with its answer.
 *
 * @returns `notKept` where its body was not kept whole, or holds pseudonyms in place of what was asked
 */
export async function recordedRequestOfId(
  client: ClientBase,
  schema: string,
  requestId: string,
): Promise<RecordedRequest | { readonly notKept: "truncated" | "redacted" } | undefined> {
  const tables = await client.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [
    `${quoteIdentifier(schema)}.inference_requests`,
  ]);
  if (!tables.rows[0]?.found) return undefined;
  const found = await client.query<{ day: string; attempt: number }>(
    `SELECT day::text AS day, attempt FROM ${quoteIdentifier(schema)}.inference_requests
      WHERE request_id = $1 ORDER BY day DESC, attempt DESC LIMIT 1`,
    [requestId],
  );
  const [key] = found.rows;
  if (!key) return undefined;
  const { rows } = await client.query<Row>(await statement({ schema }, byKey), [[key.day], [requestId], [key.attempt]]);
  const [row] = rows;
  if (row?.truncated) return { notKept: "truncated" };
  if (row?.redacted) return { notKept: "redacted" };
  return row && toRequest(row);
}

async function* rowsById(client: ClientBase, { side, since, until }: RecordedRange): AsyncGenerator<Row> {
  const sql = await statement(side, page);
  let after: readonly [string, string, number] = ["-infinity", "", 0];
  for (;;) {
    const values = [since, until, side.version ?? null, againPrefix, ...after, pageSize];
    const { rows } = await client.query<Row>(sql, values);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    after = [last.day, last.request_id, last.attempt];
  }
}

/** Sorted once, by keys alone, in a cursor that needs no transaction: a replay at the recording's pace takes hours. */
async function* rowsByTime(client: ClientBase, { side, since, until, limit }: RecordedRange): AsyncGenerator<Row> {
  const sql = await statement(side, byKey);
  const schema = quoteIdentifier(side.schema);
  const values = [since, until, side.version ?? null, againPrefix, limit];
  await client.query(
    `DECLARE recorded_order NO SCROLL CURSOR WITH HOLD FOR
     SELECT q.day::text AS day, q.request_id, q.attempt
       FROM ${schema}.inference_requests q JOIN ${schema}.inference_response r USING (day, request_id, attempt)
     ${inRange} AND NOT q.truncated ORDER BY q.request_time, q.request_id, q.attempt LIMIT $5`,
    values,
  );
  try {
    for (;;) {
      const { rows: keys } = await client.query<Pick<Row, "day" | "request_id" | "attempt">>(
        `FETCH ${pageSize} FROM recorded_order`,
      );
      const columns = [keys.map((key) => key.day), keys.map((key) => key.request_id), keys.map((key) => key.attempt)];
      const { rows } = await client.query<Row>(sql, columns);
      yield* rows.toSorted((a, b) => a.at - b.at);
      if (keys.length < pageSize) return;
    }
  } finally {
    await client.query("CLOSE recorded_order");
  }
}

async function statement(side: RecordedSide, selection: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "recordedRequests.sql"), "utf8");
  return text.replaceAll(":primary", () => quoteIdentifier(side.schema)).replace(":selection", () => selection);
}

function nameOf(day: string, requestId: string, attempt: number): string {
  return `${day} ${attempt} ${requestId}`;
}

function toRequest(row: Row): RecordedRequest {
  const { json, raw, content_type: type, content_encoding: encoding } = row;
  return {
    requestId: row.request_id,
    attempt: row.attempt,
    // Rows of older recorders do not say what was asked.
    operation: row.operation ?? operationAsked(row.predict_url)?.name ?? null,
    at: row.at,
    url: row.predict_url,
    body: raw ?? Buffer.from(json ?? ""),
    headers: {
      ...(type === null ? {} : { "content-type": type }),
      ...(encoding === null ? {} : { "content-encoding": encoding }),
    },
    redacted: row.redacted,
    answer: {
      status: row.status,
      latencyMs: row.latency_ms,
      firstTokenMs: row.first_token_ms,
      completionTokens: row.completion_tokens,
      // Only whole answers are read.
      failure: null,
      body: recordedBody({
        data: row.answer_json,
        raw: row.answer_raw,
        truncated: row.answer_truncated,
        encoding: row.answer_encoding,
      }),
    },
  };
}
