import type { Agent } from "undici";
import { request } from "undici";
import { operationNamed } from "../../domain/protocols/operations.ts";
import { requestAgain, type Streaming } from "../../domain/recording/requestAgain.ts";
import type { RecordedAnswer } from "../../domain/shadow/recorded.ts";
import { isSampled } from "../../domain/shadow/sampling.ts";
import type { RecordedRequest } from "../postgres/predictions/recordedRequests.ts";
import { readBody } from "./decodedBody.ts";
import { failureOf } from "./predictorFailure.ts";
import { readAnswer } from "./readAnswer.ts";

/** How recorded requests are sent. */
export interface Sending {
  readonly dispatcher: Agent;
  /** Sent with every request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether answers are asked for in pieces. @default recorded */
  readonly streaming?: Streaming | undefined;
  readonly signal: AbortSignal;
}

/** What is sent of a recorded request. */
export type RequestToSend = Pick<RecordedRequest, "operation" | "body" | "headers">;

/** What came of a recorded request that was sent again. */
export interface SentAgain {
  readonly answer: RecordedAnswer;
  /** What `answer.body` was read from: of a stream, what its pieces join to. Empty where the answer is not whole. */
  readonly content: { readonly bytes: Uint8Array; readonly encoding: string | null };
  /** Why there is no whole answer. */
  readonly error?: unknown;
  /** The request leaves its answer to chance. */
  readonly isSampled: boolean;
  /** Keys of its client that were in the recorded body, and were not sent. */
  readonly keys: number;
}

/** Sends a recorded request under another id, without keys that were recorded with it, and reads the answer as a recorder would. */
export async function sendRecorded(
  recorded: RequestToSend,
  url: string,
  requestId: string,
  sending: Sending,
): Promise<SentAgain> {
  const { dispatcher, timeoutMs, signal } = sending;
  const { body, headers, ...known } = toSend(recorded, sending.streaming ?? "recorded");
  const startedAt = performance.now();
  const pieces: Buffer[] = [];
  const arrivals = { ends: [] as number[], at: [] as number[] };
  let [status, bytes]: [number | null, number] = [null, 0];
  try {
    const answered = await request(url, {
      dispatcher,
      method: "POST",
      body,
      headers: { ...headers, ...sending.headers, "x-request-id": requestId },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    status = answered.statusCode;
    for await (const piece of answered.body as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      arrivals.ends.push(bytes);
      arrivals.at.push(performance.now() - startedAt);
    }
    const latencyMs = performance.now() - startedAt;
    const coding = answered.headers["content-encoding"];
    const encoding = coding === undefined ? null : [coding].flat().join(", ");
    const content = Buffer.concat(pieces);
    const { facts, joined, failure } = await readAnswer({
      operation: recorded.operation,
      response: { content, bytes, truncated: false },
      responseEncoding: encoding,
      arrivals: bytes === 0 ? null : { pieces: pieces.length, ...arrivals },
      facts: null,
      failure: null,
      latencyMs,
    });
    const read = joined ? { bytes: joined, encoding: null } : { bytes: content, encoding };
    const answer: RecordedAnswer = {
      status,
      failure,
      latencyMs,
      firstTokenMs: facts.firstTokenMs,
      completionTokens: facts.tokens?.completion ?? null,
      body: readBody(read.bytes, read.encoding),
    };
    return { ...known, answer, content: read };
  } catch (error) {
    signal.throwIfAborted();
    // Its status stays, also where the body broke off behind it.
    const answer: RecordedAnswer = { status, failure: failureOf(error), latencyMs: null, body: { json: null } };
    return { ...known, answer, content: { bytes: Buffer.alloc(0), encoding: null }, error };
  }
}

function toSend({ operation: name, body, headers }: RequestToSend, streaming: Streaming) {
  const operation = name === null ? undefined : operationNamed(name);
  const read = readBody(body, headers["content-encoding"] ?? null);
  if (!("json" in read)) return { body, headers, isSampled: false, keys: 0 };
  const { json, isChanged, keys } = requestAgain(operation, read.json, streaming);
  const known = { isSampled: isSampled(operation, json), keys };
  if (!isChanged) return { body, headers, ...known };
  const { "content-encoding": _, ...uncoded } = headers;
  return { body: Buffer.from(JSON.stringify(json)), headers: uncoded, ...known };
}
