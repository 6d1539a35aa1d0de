import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { RecordedAnswer } from "../../../domain/shadow/recorded.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";
import type { RecordedSide } from "./recordedPairs.ts";
import { recordedBody } from "./storedBody.ts";

/** Which recorded requests are read. */
export interface RecordedRange {
  readonly side: RecordedSide;
  readonly since: Date;
  /** Not included. */
  readonly until: Date;
  /** At most so many. */
  readonly limit: number;
}

/** A request that was recorded whole and answered, with the answer. */
export interface RecordedRequest {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Path and query, as they were recorded. */
  readonly url: string;
  readonly body: Buffer;
  /** Content type and encoding, as far as the request had them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly answer: RecordedAnswer;
}

/** Requests read at once: a body may have megabytes. */
const page = 32;

interface Row {
  readonly day: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly at: number;
  readonly predict_url: string;
  readonly json: string | null;
  readonly raw: Buffer | null;
  readonly truncated: boolean;
  readonly content_type: string | null;
  readonly content_encoding: string | null;
  readonly status: number | null;
  readonly latency_ms: number;
  readonly answer_json: string | null;
  readonly answer_raw: Buffer | null;
  readonly answer_encoding: string | null;
  readonly answer_truncated: boolean;
}

/**
 * How many requests a range holds, of those that its limit allows, and how many of them were not kept whole.
 * @throws OperatorError where there are no prediction tables.
 */
export async function countRecordedRequests(
  client: ClientBase,
  { side, since, until, limit }: RecordedRange,
): Promise<{ requests: number; truncated: number }> {
  const schema = quoteIdentifier(side.schema);
  try {
    const { rows } = await client.query<{ requests: number; truncated: number }>(
      `SELECT least(count(*) FILTER (WHERE NOT q.truncated), $4)::integer AS requests,
              count(*) FILTER (WHERE q.truncated)::integer AS truncated
         FROM ${schema}.inference_requests q JOIN ${schema}.inference_response r USING (day, request_id, attempt)
        WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
          AND q.request_time >= $1 AND q.request_time < $2 AND r.failure IS NULL
          AND ($3::text IS NULL OR r.model_version = $3)`,
      [since, until, side.version ?? null, limit],
    );
    return rows[0] ?? { requests: 0, truncated: 0 };
  } catch (error) {
    // No such schema or table.
    if (sqlState(error) !== "3F000" && sqlState(error) !== "42P01") throw error;
    throw refuse("predictions.no-side", { schema: side.schema }, error);
  }
}

/** The requests of a range, a page at a time; a body that was not kept whole is left out. */
export async function* recordedRequests(
  client: ClientBase,
  { side, since, until, limit }: RecordedRange,
): AsyncGenerator<RecordedRequest> {
  const text = await readFile(join(import.meta.dirname, "recordedRequests.sql"), "utf8");
  const sql = text.replaceAll(":primary", () => quoteIdentifier(side.schema));
  let after: readonly [string, string, number] = ["-infinity", "", 0];
  let left = limit;
  for (;;) {
    const { rows } = await client.query<Row>(sql, [since, until, side.version ?? null, ...after, page]);
    for (const row of rows) {
      if (row.truncated) continue;
      if (left === 0) return;
      left -= 1;
      yield toRequest(row);
    }
    const last = rows.at(-1);
    if (!last || rows.length < page) return;
    after = [last.day, last.request_id, last.attempt];
  }
}

function toRequest(row: Row): RecordedRequest {
  const { json, raw, content_type: type, content_encoding: encoding } = row;
  return {
    requestId: row.request_id,
    at: row.at,
    url: row.predict_url,
    body: raw ?? Buffer.from(json ?? ""),
    headers: {
      ...(type === null ? {} : { "content-type": type }),
      ...(encoding === null ? {} : { "content-encoding": encoding }),
    },
    answer: {
      status: row.status,
      latencyMs: row.latency_ms,
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
