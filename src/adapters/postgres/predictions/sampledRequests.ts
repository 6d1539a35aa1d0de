import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { operationAsked } from "../../../domain/protocols/asked.ts";
import type { OperationName } from "../../../domain/protocols/operation.ts";
import type { SampleKey } from "../../../domain/samples/choice.ts";
import type { SampledRequest } from "../../../domain/samples/format.ts";
import type { RequestFacts } from "../../../domain/samples/strata.ts";
import { readJsonbText } from "../../../domain/shadow/exactJson.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";
import { explained } from "./oldTables.ts";
import { againPrefix } from "./recordedPairs.ts";

/** A recorded request that got a whole answer, without its bodies. */
export interface SampleCandidate extends SampleKey, RequestFacts {
  /** Less of its body was kept than it has. */
  readonly truncated: boolean;
  /** It had a body, of which nothing was kept. */
  readonly bodiless: boolean;
  /** Pseudonyms stand in for its values. */
  readonly redacted: boolean;
  /** Id of the organization whose request it is; null where nobody knows. */
  readonly organization: string | null;
}

export interface SampleRange {
  readonly schema: string;
  readonly since: Date;
  /** Not included. */
  readonly until: Date;
}

const factsAtOnce = 5_000;
/** A body may have megabytes. */
const requestsAtOnce = 16;

/** All recorded requests of a range that got a whole answer, in the order of their keys. */
export async function* sampleCandidates(
  client: ClientBase,
  { schema, since, until }: SampleRange,
): AsyncGenerator<SampleCandidate> {
  const sql = await statement("sampledFacts.sql", schema);
  let after: readonly [string, string, number] = ["-infinity", "", 0];
  for (;;) {
    const values = [since, until, againPrefix, ...after, factsAtOnce];
    const { rows } = await client.query<SampleCandidate>(sql, values).catch((error: unknown) => {
      // No such schema or table.
      if (sqlState(error) === "3F000" || sqlState(error) === "42P01")
        throw refuse("predictions.no-side", { schema }, error);
      throw explained(error, schema);
    });
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < factsAtOnce) return;
    after = [last.day, last.requestId, last.attempt];
  }
}

/** A request as it was read, with what its line does not say. */
export interface ReadSampled {
  readonly request: SampledRequest;
  readonly redacted: boolean;
  readonly version: string | null;
}

/** Reads single requests, a few at a time, in no order; those that were deleted meanwhile are missing. */
export async function* readSampled(
  client: ClientBase,
  schema: string,
  keys: readonly SampleKey[],
): AsyncGenerator<ReadSampled> {
  const sql = await statement("sampledRequests.sql", schema);
  for (let from = 0; from < keys.length; from += requestsAtOnce) {
    const some = keys.slice(from, from + requestsAtOnce);
    const { rows } = await client.query<Row>(sql, [
      some.map(({ day }) => day),
      some.map(({ requestId }) => requestId),
      some.map(({ attempt }) => attempt),
    ]);
    for (const row of rows) yield toSampled(row);
  }
}

interface Row {
  readonly request_id: string;
  readonly attempt: number;
  readonly at: Date;
  readonly predict_url: string;
  readonly json: string | null;
  readonly raw: Buffer | null;
  readonly headers: SampledRequest["headers"];
  readonly operation: OperationName | null;
  readonly redacted: boolean;
  readonly status: number | null;
  readonly latency_ms: number;
  readonly streamed: boolean | null;
  readonly first_token_ms: number | null;
  readonly completion_tokens: number | null;
  readonly model_version: string | null;
  readonly answer_json: string | null;
  readonly answer_raw: Buffer | null;
  readonly answer_encoding: string | null;
  readonly answer_truncated: boolean;
}

function toSampled(row: Row): ReadSampled {
  const answerBody = row.answer_truncated
    ? { missing: "too_long" as const }
    : (bodyOf(row.answer_json, row.answer_raw) ?? { missing: "not_kept" as const });
  const request: SampledRequest = {
    id: row.request_id,
    attempt: row.attempt,
    at: row.at.toISOString(),
    // Rows of older recorders do not say what was asked.
    operation: row.operation ?? operationAsked(row.predict_url)?.name ?? null,
    path: row.predict_url,
    headers: row.headers,
    body: bodyOf(row.json, row.raw) ?? { base64: "" },
    answer: {
      status: row.status,
      latencyMs: rounded(row.latency_ms),
      streamed: row.streamed,
      firstTokenMs: row.first_token_ms === null ? null : rounded(row.first_token_ms),
      completionTokens: row.completion_tokens,
      encoding: row.answer_json === null ? row.answer_encoding : null,
      body: answerBody,
    },
  };
  return { request, redacted: row.redacted, version: row.model_version };
}

/** JSON that is nested deeper than anybody reads stays what it is: bytes. */
function bodyOf(json: string | null, raw: Buffer | null): { json: unknown } | { base64: string } | undefined {
  if (json === null) return raw === null ? undefined : { base64: raw.toString("base64") };
  const read = readJsonbText(json);
  return "value" in read ? { json: read.value } : { base64: Buffer.from(json).toString("base64") };
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000;
}

async function statement(file: string, schema: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, file), "utf8");
  return text.replaceAll(":schema", () => quoteIdentifier(schema));
}
