import { isJsonbText } from "../../../domain/recording/jsonbText.ts";
import { type KeptBody, type RecordedPrediction, utcDay } from "../../../domain/recording/prediction.ts";
import { ByteWriter } from "../../byteWriter.ts";

/** A prediction with the number of its attempt. */
export interface NumberedPrediction {
  readonly prediction: RecordedPrediction;
  readonly attempt: number;
}

/** Columns in the order that the rows below have them. */
export const requestColumns =
  "day, request_id, attempt, request_time, request_data, request_raw, request_bytes, truncated, unpaired, predict_url, headers";
export const responseColumns =
  "day, request_id, attempt, response_data, response_raw, response_bytes, truncated, status, failure, latency_ms, model_version, content_encoding";

/** From 1970 to PostgreSQL's own beginning of time, 2000-01-01. */
const epochDays = 10_957;
const epochMs = epochDays * 86_400_000;
const absent = -1;
const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");

/**
 * The rows of both tables in COPY's binary format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"):
 * nothing in a body has to be escaped, or can end a row. `asBytes` keeps every body as bytes.
 */
export function copyRows(
  rows: readonly NumberedPrediction[],
  options: { readonly modelVersion: string | null; readonly asBytes?: boolean },
): { requests: Buffer; responses: Buffer } {
  const requests = begin(rows);
  const responses = begin(rows);
  const asBytes = options.asBytes ?? false;
  for (const { prediction, attempt } of rows) {
    const { requestId, request, response } = prediction;
    const day = utcDay(prediction.requestTime) - epochDays;

    requests.int16(11);
    key(requests, day, requestId, attempt);
    requests.int32(8);
    requests.int64(Math.round((prediction.requestTime - epochMs) * 1000));
    body(requests, request, asBytes);
    flag(requests, request.truncated);
    flag(requests, prediction.unpaired);
    requests.text(prediction.url);
    jsonb(requests, Buffer.from(prediction.headers));

    responses.int16(12);
    key(responses, day, requestId, attempt);
    body(responses, response, asBytes);
    flag(responses, response.truncated);
    if (prediction.status === null) responses.int32(absent);
    else integer(responses, prediction.status);
    optionalText(responses, prediction.failure);
    responses.int32(8);
    responses.float64(prediction.latencyMs);
    optionalText(responses, options.modelVersion);
    optionalText(responses, prediction.responseEncoding);
  }
  for (const each of [requests, responses]) each.int16(-1);
  return { requests: requests.bytes(), responses: responses.bytes() };
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
function body(to: ByteWriter, { content, bytes, truncated }: KeptBody, asBytes: boolean): void {
  if (!asBytes && !truncated && isJsonbText(content)) {
    jsonb(to, content);
    to.int32(absent);
  } else if (truncated && content.length === 0) {
    to.int32(absent);
    to.int32(absent);
  } else {
    to.int32(absent);
    to.int32(content.length);
    to.raw(content);
  }
  to.int32(8);
  to.int64(bytes);
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

function flag(to: ByteWriter, value: boolean): void {
  to.int32(1);
  to.uint8(value ? 1 : 0);
}

function optionalText(to: ByteWriter, value: string | null): void {
  if (value === null) to.int32(absent);
  else to.text(value);
}
