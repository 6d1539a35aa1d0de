import { isJsonbText } from "../../../domain/recording/jsonbText.ts";
import { type RecordedPrediction, utcDay } from "../../../domain/recording/prediction.ts";
import { ByteWriter } from "../../byteWriter.ts";
import type { ReadAnswer } from "../../predictions/readAnswer.ts";

/** A prediction whose answer was read. */
export interface ReadPrediction extends RecordedPrediction {
  readonly answer: ReadAnswer;
}

/** A prediction with the number of its attempt. */
export interface NumberedPrediction {
  readonly prediction: ReadPrediction;
  readonly attempt: number;
}

/** Columns in the order that the rows below have them, without the later ones. */
const requestColumns = [
  ..."day, request_id, attempt, request_time, request_data, request_raw, request_bytes, truncated, unpaired, predict_url, headers".split(
    ", ",
  ),
];
const responseColumns = [
  ..."day, request_id, attempt, response_data, response_raw, response_bytes, truncated, status, failure, latency_ms, model_version, content_encoding".split(
    ", ",
  ),
];
/** Says that a request, and its answer, hold pseudonyms; came with revision 4. */
export const redactedColumn = "redacted";

/** A column that came with revision 3 of the tables or after it, and what a prediction has in it. */
type LaterColumn = readonly [name: string, write: (to: ByteWriter, prediction: ReadPrediction) => void];

const laterRequestColumns: readonly LaterColumn[] = [
  ["operation", (to, { operation }) => optionalText(to, operation)],
  [redactedColumn, (to, { redacted }) => flag(to, redacted)],
  ["organization", (to, { organization }) => optionalText(to, organization)],
];
const laterResponseColumns: readonly LaterColumn[] = [
  ["streamed", (to, { answer }) => flag(to, answer.facts.streamed)],
  ["first_token_ms", (to, { answer }) => optionalFloat(to, answer.facts.firstTokenMs)],
  ["prompt_tokens", (to, { answer }) => optionalInteger(to, answer.facts.tokens?.prompt ?? null)],
  ["completion_tokens", (to, { answer }) => optionalInteger(to, answer.facts.tokens?.completion ?? null)],
  ["piece_ms", pieces],
];

/** Columns that tables made by an earlier release do not have, until they are brought up to date. */
export const laterColumns: readonly string[] = [...laterRequestColumns, ...laterResponseColumns].map(([name]) => name);

export interface CopyOptions {
  readonly modelVersion: string | null;
  /** Keep every body as bytes. @default false */
  readonly asBytes?: boolean;
  /** Those of the {@link laterColumns} that the tables do not have. @default none */
  readonly missing?: ReadonlySet<string>;
}

/** From 1970 to PostgreSQL's own beginning of time, 2000-01-01. */
const epochDays = 10_957;
const epochMs = epochDays * 86_400_000;
const absent = -1;
const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");

/**
 * The rows of both tables in COPY's binary format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"):
 * nothing in a body has to be escaped, or can end a row.
 */
export function copyRows(rows: readonly NumberedPrediction[], options: CopyOptions): CopiedRows {
  const requests = begin(rows);
  const responses = begin(rows);
  const { asBytes = false, missing = new Set() } = options;
  const laterOfRequest = laterRequestColumns.filter(([name]) => !missing.has(name));
  const laterOfResponse = laterResponseColumns.filter(([name]) => !missing.has(name));
  const columns = {
    requests: [...requestColumns, ...laterOfRequest.map(([name]) => name)],
    responses: [...responseColumns, ...laterOfResponse.map(([name]) => name)],
  };
  for (const { prediction, attempt } of rows) {
    const { requestId, request, answer } = prediction;
    const day = utcDay(prediction.requestTime) - epochDays;

    requests.int16(columns.requests.length);
    key(requests, day, requestId, attempt);
    requests.int32(8);
    requests.int64(Math.round((prediction.requestTime - epochMs) * 1000));
    body(requests, bodyColumns(request.content, request.truncated, asBytes), request.bytes);
    flag(requests, request.truncated);
    flag(requests, prediction.unpaired);
    requests.text(prediction.url);
    jsonb(requests, Buffer.from(prediction.headers));
    for (const [, write] of laterOfRequest) write(requests, prediction);

    const columnsOfBody = answerColumns(prediction, asBytes);
    responses.int16(columns.responses.length);
    key(responses, day, requestId, attempt);
    body(responses, columnsOfBody, prediction.response.bytes);
    flag(responses, answer.truncated);
    optionalInteger(responses, prediction.status);
    optionalText(responses, answer.failure);
    responses.int32(8);
    responses.float64(prediction.latencyMs);
    optionalText(responses, options.modelVersion);
    optionalText(responses, columnsOfBody.encoding);
    for (const [, write] of laterOfResponse) write(responses, prediction);
  }
  for (const each of [requests, responses]) each.int16(-1);
  return {
    requests: { columns: columns.requests, rows: requests.bytes() },
    responses: { columns: columns.responses, rows: responses.bytes() },
  };
}

export interface CopiedRows {
  readonly requests: { readonly columns: readonly string[]; readonly rows: Buffer };
  readonly responses: { readonly columns: readonly string[]; readonly rows: Buffer };
}

/** What a body's columns hold. */
interface BodyColumns {
  readonly data?: Uint8Array;
  readonly raw?: Uint8Array;
  /** Content coding of `raw`. */
  readonly encoding: string | null;
}

/** Of a stream, its joined answer and the stream as it came; where jsonb does not take the answer, its JSON as bytes, which is read the same way. */
function answerColumns({ answer, response, responseEncoding }: ReadPrediction, asBytes: boolean): BodyColumns {
  if (!answer.joined) return bodyColumns(response.content, answer.truncated, asBytes, responseEncoding);
  if (asBytes || !isJsonbText(answer.joined)) return { raw: answer.joined, encoding: null };
  return { data: answer.joined, raw: response.content, encoding: responseEncoding };
}

function bodyColumns(
  content: Uint8Array,
  truncated: boolean,
  asBytes: boolean,
  encoding: string | null = null,
): BodyColumns {
  if (truncated && content.length === 0) return { encoding };
  return !asBytes && !truncated && isJsonbText(content) ? { data: content, encoding } : { raw: content, encoding };
}

function begin(rows: readonly NumberedPrediction[]): ByteWriter {
  const to = new ByteWriter(64 + rows.length * 512);
  to.raw(signature);
  // No flags, no extension.
  to.int32(0);
  to.int32(0);
  return to;
}

function key(to: ByteWriter, day: number, requestId: string, attempt: number): void {
  integer(to, day);
  to.text(requestId);
  integer(to, attempt);
}

/** data, raw and bytes; neither data nor raw where nothing of a body was kept. */
function body(to: ByteWriter, { data, raw }: BodyColumns, bytes: number): void {
  if (data) jsonb(to, data);
  else to.int32(absent);
  if (raw) {
    to.int32(raw.length);
    to.raw(raw);
  } else {
    to.int32(absent);
  }
  to.int32(8);
  to.int64(bytes);
}

/** When the pieces of a stream came. */
function pieces(to: ByteWriter, { answer, arrivals, latencyMs }: ReadPrediction): void {
  if (answer.facts.streamed) reals(to, arrivals?.at ?? [latencyMs]);
  else to.int32(absent);
}

/** An array of `real`, whose type has the number 700 (`array_send` in PostgreSQL's source): dimensions, no nulls, length, first index. */
function reals(to: ByteWriter, values: ArrayLike<number>): void {
  to.int32(20 + values.length * 8);
  for (const value of [1, 0, 700, values.length, 1]) to.int32(value);
  for (let index = 0; index < values.length; index += 1) {
    to.int32(4);
    to.float32(values[index] as number);
  }
}

function jsonb(to: ByteWriter, text: Uint8Array): void {
  to.int32(text.length + 1);
  // The version of jsonb's own format.
  to.uint8(1);
  to.raw(text);
}

function integer(to: ByteWriter, value: number): void {
  to.int32(4);
  to.int32(value);
}

function optionalInteger(to: ByteWriter, value: number | null): void {
  if (value === null) to.int32(absent);
  else integer(to, value);
}

function optionalFloat(to: ByteWriter, value: number | null): void {
  if (value === null) {
    to.int32(absent);
  } else {
    to.int32(8);
    to.float64(value);
  }
}

function flag(to: ByteWriter, value: boolean): void {
  to.int32(1);
  to.uint8(value ? 1 : 0);
}

function optionalText(to: ByteWriter, value: string | null): void {
  if (value === null) to.int32(absent);
  else to.text(value);
}
