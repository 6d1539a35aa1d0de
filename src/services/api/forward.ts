import type { IncomingMessage, ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Dispatcher, errors } from "undici";
import { ApiError } from "./apiError.ts";

/** Headers of one connection, not of the message (RFC 9110, 7.6.1), and those that are for us alone. */
const notForwarded = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "expect",
  "content-length",
  "authorization",
  "x-api-key",
  "x-request-id",
]);

export interface Forwarding {
  readonly dispatcher: Dispatcher;
  /** Such as `http://iris-v1-predictor.models.svc.cluster.local:80`. */
  readonly origin: string;
  readonly path: string;
  /** @default POST */
  readonly method?: "GET" | "POST";
  readonly requestId: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Until the model begins to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** For sentences. */
  readonly model: string;
}

/** Streams the request's body to a model and its answer back. Throws an ApiError while nothing has been answered. */
export async function forward(request: IncomingMessage, response: ServerResponse, to: Forwarding): Promise<void> {
  const length = Number(request.headers["content-length"] ?? Number.NaN);
  if (length > to.maxBodyBytes) throw tooLarge(to.maxBodyBytes);
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const body = request.pipe(limited(to.maxBodyBytes));
  request.once("error", (error) => body.destroy(error));
  try {
    const answer = await to.dispatcher.request({
      origin: to.origin,
      path: to.path,
      method: to.method ?? "POST",
      headers: {
        ...endToEnd(request.headers),
        ...(Number.isNaN(length) ? {} : { "content-length": String(length) }),
        "x-request-id": to.requestId,
      },
      ...(to.method === "GET" ? {} : { body }),
      signal: gone.signal,
      headersTimeout: to.timeoutMs,
      bodyTimeout: to.timeoutMs,
    });
    response.writeHead(answer.statusCode, { ...endToEnd(answer.headers), "x-request-id": to.requestId });
    await pipeline(answer.body, response);
  } catch (error) {
    request.resume();
    throw explained(error, to);
  }
}

/** Counts what passes: a body may come in chunks, without a length. */
function limited(maximum: number): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length;
      if (passed > maximum) done(tooLarge(maximum));
      else done(null, chunk);
    },
  });
}

function tooLarge(maximum: number): ApiError {
  return new ApiError("body_too_large", `the body is larger than ${maximum} bytes`);
}

function endToEnd(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !notForwarded.has(name)) kept[name] = value;
  }
  return kept;
}

const unreachable = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

function explained(error: unknown, { model, timeoutMs }: Forwarding): unknown {
  if (error instanceof ApiError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (unreachable.has(code)) return new ApiError("model_unavailable", `${model} is not being served`, error);
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new ApiError("model_timeout", `${model} did not answer within ${timeoutMs / 1000} s`, error);
  }
  return new ApiError("model_failed", `the connection to ${model} broke before its answer was complete`, error);
}
