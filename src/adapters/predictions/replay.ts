import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { messageOf } from "../../domain/errors.ts";
import { replayUrl } from "../../domain/protocols/asked.ts";
import type { RecordedAnswer, RecordedPair } from "../../domain/shadow/recorded.ts";
import type { RecordedRequest } from "../postgres/predictions/recordedRequests.ts";
import { refuse } from "../refusals.ts";
import { readBody } from "./decodedBody.ts";
import { failureOf } from "./predictorFailure.ts";

export interface Replay {
  /** Read by one after the other. */
  readonly requests: AsyncIterator<RecordedRequest>;
  /** Where the target predicts; a recorded `:explain` goes to its `:explain`. */
  readonly url: string;
  /** Sent with every request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Requests on their way at once. */
  readonly concurrency: number;
  /** Requests per second, at most. @default as fast as the model answers */
  readonly rate?: number | undefined;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What was recorded as primary, what was answered now as shadow. */
  readonly onPair: (pair: RecordedPair) => void;
  /** A request that the target cannot be asked, such as one of another protocol. */
  readonly onLeftOut: () => void;
}

/** A target that refuses so many connections one after the other is not there. */
const refusalsInARow = 10;

/**
 * Sends recorded requests to a model, and pairs the recorded answers with its own. Each goes under an id of its own, so that a
 * recorder there does not take it for the request that it copies. Answers how many were sent.
 * @throws OperatorError when nothing answers at the url.
 */
export async function replayRequests(replay: Replay): Promise<number> {
  const { requests, concurrency, rate, signal, onPair, onLeftOut } = replay;
  const agent = new Agent({ connections: concurrency, keepAliveTimeout: 4_000 });
  const run = `replay-${randomBytes(4).toString("hex")}`;
  const startedAt = performance.now();
  let sent = 0;
  let refusals = 0;
  // One reader at a time: the requests come from one connection.
  let reading: Promise<unknown> = Promise.resolve();
  const next = (): Promise<IteratorResult<RecordedRequest>> => {
    const read = reading.then(() => requests.next());
    reading = read.catch(() => {});
    return read;
  };
  const sender = async (): Promise<void> => {
    for (;;) {
      signal.throwIfAborted();
      const { value: recorded, done } = await next();
      if (done || !recorded) return;
      const url = replayUrl(replay.url, recorded.url);
      if (url === undefined) {
        onLeftOut();
        continue;
      }
      const turn = sent;
      sent += 1;
      const wait = rate === undefined ? 0 : startedAt + (turn / rate) * 1000 - performance.now();
      if (wait > 0) await delay(wait, undefined, { signal });
      const { requestId, at, answer: primary } = recorded;
      const { answer: shadow, error } = await predict(
        { ...replay, url },
        agent,
        recorded,
        `${run}-${requestId}`.slice(0, 256),
      );
      refusals = shadow.failure === "predictor_unavailable" ? refusals + 1 : 0;
      if (refusals >= refusalsInARow) {
        throw refuse("replay.unanswered", { url: replay.url, reason: messageOf(error) });
      }
      onPair({ requestId, at, primary, shadow, sameBody: false });
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, sender));
    return sent;
  } finally {
    await agent.destroy();
  }
}

async function predict(
  { url, headers, timeoutMs, signal }: Replay,
  dispatcher: Agent,
  recorded: RecordedRequest,
  requestId: string,
): Promise<{ readonly answer: RecordedAnswer; readonly error?: unknown }> {
  const startedAt = performance.now();
  let status: number | null = null;
  try {
    const {
      statusCode,
      headers: answered,
      body,
    } = await request(url, {
      dispatcher,
      method: "POST",
      body: recorded.body,
      headers: { ...recorded.headers, ...headers, "x-request-id": requestId },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    status = statusCode;
    const content = Buffer.from(await body.arrayBuffer());
    const latencyMs = performance.now() - startedAt;
    const encoding = answered["content-encoding"];
    const coding = encoding === undefined ? null : [encoding].flat().join(", ");
    return { answer: { status, failure: null, latencyMs, body: readBody(content, coding) } };
  } catch (error) {
    signal.throwIfAborted();
    // Its status stays, also where the body broke off behind it.
    return { answer: { status, failure: failureOf(error), latencyMs: null, body: { json: null } }, error };
  }
}
