import { Agent, request } from "undici";
import { failureOf } from "../../adapters/predictions/predictorFailure.ts";
import { readAnswer } from "../../adapters/predictions/readAnswer.ts";
import { messageOf } from "../../domain/errors.ts";
import { operationAsked } from "../../domain/protocols/asked.ts";
import type { TrialAnswer, TrialRequest } from "../../domain/trial/trial.ts";

export const predictPath = "/v1/models/model:predict";

/** Sends requests to one model of a trial, at its socket. */
export class Asker {
  readonly #agent: Agent;

  constructor(socketPath: string) {
    // Idle connections go before uvicorn's 5 s, so that none is closed under a request. Only the request's own time limits it.
    this.#agent = new Agent({ connect: { socketPath }, keepAliveTimeout: 4_000, headersTimeout: 0, bodyTimeout: 0 });
  }

  async ask({
    path = predictPath,
    method = "POST",
    headers,
    body,
    timeoutMs,
    signal,
  }: TrialRequest): Promise<TrialAnswer> {
    signal?.throwIfAborted();
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(new DOMException("too late", "TimeoutError")), timeoutMs);
    const stop = (): void => over.abort(signal?.reason);
    signal?.addEventListener("abort", stop);
    const startedAt = performance.now();
    const heard: Heard = { status: null, headers: {}, pieces: [], ends: [], at: [] };
    try {
      const answered = await request(`http://model${path}`, {
        dispatcher: this.#agent,
        method: method as "POST",
        headers: { "content-type": "application/json", ...headers },
        body: method === "GET" || method === "HEAD" ? null : body,
        signal: over.signal,
      });
      heard.status = answered.statusCode;
      heard.headers = flat(answered.headers);
      let bytes = 0;
      for await (const piece of answered.body as AsyncIterable<Buffer>) {
        heard.pieces.push(piece);
        bytes += piece.length;
        heard.ends.push(bytes);
        heard.at.push(performance.now() - startedAt);
      }
      return await told(heard, path, performance.now() - startedAt, null, null);
    } catch (error) {
      signal?.throwIfAborted();
      return told(heard, path, null, failureOf(error), messageOf(error));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

interface Heard {
  status: number | null;
  headers: Record<string, string>;
  readonly pieces: Buffer[];
  readonly ends: number[];
  readonly at: number[];
}

async function told(
  { status, headers, pieces, ends, at }: Heard,
  path: string,
  durationMs: number | null,
  failure: TrialAnswer["failure"],
  error: string | null,
): Promise<TrialAnswer> {
  const body = Buffer.concat(pieces);
  const read = await readAnswer({
    operation: operationAsked(path)?.name ?? null,
    response: { content: body, bytes: body.length, truncated: false },
    responseEncoding: headers["content-encoding"] ?? null,
    arrivals: pieces.length === 0 ? null : { pieces: pieces.length, ends, at },
    facts: null,
    failure,
    latencyMs: durationMs ?? 0,
  });
  return {
    status,
    headers,
    body,
    failure: read.failure,
    error,
    durationMs: read.failure === null ? durationMs : null,
    firstByteMs: at[0] ?? null,
    firstTokenMs: read.facts.firstTokenMs,
  };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value].flat().join(", ")]],
    ),
  );
}
