import type { ClientBase } from "pg";
import type { Failure } from "../../src/domain/recording/prediction.ts";

/** One stored prediction of one side. */
export interface StoredPrediction {
  readonly id: string;
  readonly at: Date;
  readonly attempt?: number;
  readonly request?: unknown;
  readonly response?: unknown;
  /** In place of `response`: bytes that are not JSON. */
  readonly raw?: string | Uint8Array;
  /** Content coding of `raw`. */
  readonly encoding?: string;
  readonly failure?: Failure;
  readonly truncated?: boolean;
  readonly status?: number | null;
  readonly latencyMs?: number;
  readonly version?: string;
  readonly unpaired?: boolean;
  /** Path that was asked. @default of a v1 prediction */
  readonly url?: string;
  /** As a recorder stores it; null in rows of older ones. @default null */
  readonly operation?: string;
  /** That are stored. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Id of the organization whose request it is. @default nobody known */
  readonly organization?: string;
  /** In place of `request`: bytes that are not JSON. */
  readonly requestRaw?: string | Uint8Array;
  /** `response` is what a stream joins to, `raw` the stream. */
  readonly streamed?: { readonly firstTokenMs: number | null; readonly completionTokens: number | null };
}

/** Stores predictions as a recorder does. The partitions of their days must be there. */
export async function storePredictions(
  client: ClientBase,
  schema: string,
  predictions: readonly StoredPrediction[],
): Promise<void> {
  for (const prediction of predictions) {
    const { id, at, attempt = 1, request = {}, response, raw, truncated = false, version = "v1" } = prediction;
    const { status = 200, latencyMs = 1, unpaired = false, encoding = null, failure = null } = prediction;
    const {
      url = "/v1/models/model:predict",
      operation = null,
      requestRaw = null,
      streamed,
      organization = null,
    } = prediction;
    const text = JSON.stringify(response ?? {});
    const day = at.toISOString().slice(0, 10);
    await client.query(
      `INSERT INTO ${schema}.inference_requests
         (day, request_id, attempt, request_time, request_data, request_raw, request_bytes, truncated, unpaired, predict_url, headers, operation, organization)
       VALUES ($1, $2, $3, $4, $5, $6, 1, false, $7, $8, $10, $9, $11)`,
      [
        ...[day, id, attempt, at, requestRaw === null ? JSON.stringify(request) : null],
        requestRaw === null ? null : Buffer.from(requestRaw),
        ...[unpaired, url, operation, JSON.stringify(prediction.headers ?? {}), organization],
      ],
    );
    await client.query(
      `INSERT INTO ${schema}.inference_response
         (day, request_id, attempt, response_data, response_raw, response_bytes, truncated, status, latency_ms, model_version, content_encoding, failure,
          streamed, first_token_ms, completion_tokens)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
      [
        ...[day, id, attempt],
        raw === undefined || streamed ? text : null,
        raw === undefined ? null : Buffer.from(raw),
        ...[Buffer.from(raw ?? text).length, truncated, status, latencyMs, version, encoding, failure],
        ...[streamed !== undefined, streamed?.firstTokenMs ?? null, streamed?.completionTokens ?? null],
      ],
    );
  }
}
