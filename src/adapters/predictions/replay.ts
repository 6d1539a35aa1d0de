import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import { batchPurpose, purposeHeader } from "../../domain/access/purpose.ts";
import { messageOf } from "../../domain/errors.ts";
import { replayUrl } from "../../domain/protocols/asked.ts";
import type { Streaming } from "../../domain/recording/requestAgain.ts";
import type { RecordedPair } from "../../domain/shadow/recorded.ts";
import type { RecordedRequest } from "../postgres/predictions/recordedRequests.ts";
import { refuse } from "../refusals.ts";
import { type SentAgain, sendRecorded } from "./sendRecorded.ts";

export interface Replay {
  /** Read by one after the other; with `speed` in the order in which they came. */
  readonly requests: AsyncIterator<RecordedRequest>;
  /** Where the target predicts; a recorded `:explain` goes to its `:explain`, a chat to its chat. */
  readonly url: string;
  /** Sent with every request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Requests on their way at once. */
  readonly concurrency: number;
  /** Requests per second, at most. @default as fast as the model answers */
  readonly rate?: number | undefined;
  /**
   * Sends each at the time that it had in the recording, divided by this: what was asked at once is asked at once again, up to `concurrency`.
   * @default whenever a place is free
   */
  readonly speed?: number | undefined;
  /** Whether answers are asked for in pieces. @default recorded */
  readonly streaming?: Streaming | undefined;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What was recorded as primary, what was answered now as shadow. */
  readonly onPair: (pair: RecordedPair) => void;
  /** A request that the target cannot be asked, such as one of another protocol. */
  readonly onLeftOut: () => void;
}

/** What a replay did. */
export interface Replayed {
  readonly sent: number;
  /** Requests whose client's keys were left out of their bodies. */
  readonly withoutKeys: number;
  /** Requests that were on their way at once, at most. */
  readonly atOnce: number;
  /** How late the latest one was sent, against the time of the recording, in milliseconds; 0 without `speed`. */
  readonly latestMs: number;
}

/** A target that refuses so many connections one after the other is not there. */
const refusalsInARow = 10;

/**
 * Sends recorded requests to a model, and pairs the recorded answers with its own. Each goes under an id of its own, so that a
 * recorder there does not take it for the request that it copies, and has the header of a batch, since no user sent it.
 * @throws OperatorError when nothing answers at the url.
 */
export async function replayRequests(replay: Replay): Promise<Replayed> {
  const { requests, concurrency, rate, speed, signal, onPair, onLeftOut } = replay;
  const dispatcher = new Agent({ connections: concurrency, keepAliveTimeout: 4_000 });
  const run = `replay-${randomBytes(4).toString("hex")}`;
  const startedAt = performance.now();
  const done = { sent: 0, withoutKeys: 0, atOnce: 0, latestMs: 0 };
  let [onTheirWay, refusals] = [0, 0];
  let first: number | undefined;

  /** When a request is due, by the time that it had or by its turn. */
  const dueAt = ({ at }: RecordedRequest): number => {
    if (speed !== undefined) {
      first ??= at;
      return startedAt + (at - first) / speed;
    }
    return rate === undefined ? 0 : startedAt + (done.sent / rate) * 1000;
  };
  const send = async (recorded: RecordedRequest, url: string): Promise<void> => {
    onTheirWay += 1;
    done.atOnce = Math.max(done.atOnce, onTheirWay);
    const { requestId, attempt, operation, at, redacted: isRedacted, answer: primary } = recorded;
    const sent: SentAgain = await sendRecorded(recorded, url, `${run}-${requestId}`.slice(0, 256), {
      ...replay,
      headers: { ...replay.headers, [purposeHeader]: batchPurpose },
      dispatcher,
    });
    onTheirWay -= 1;
    if (sent.keys > 0) done.withoutKeys += 1;
    const shadow = sent.answer;
    refusals = shadow.failure === "predictor_unavailable" ? refusals + 1 : 0;
    if (refusals >= refusalsInARow) {
      throw refuse("replay.unanswered", { url: replay.url, reason: messageOf(sent.error) });
    }
    onPair({
      requestId,
      attempt,
      operation,
      at,
      isSampled: sent.isSampled,
      isRedacted,
      primary,
      shadow,
      sameBody: false,
    });
  };
  // One reader at a time: the requests come from one connection, and are due one after the other.
  let reading: Promise<unknown> = Promise.resolve();
  const next = (): Promise<readonly [RecordedRequest, string] | undefined> => {
    const read = reading.then(async () => {
      for (;;) {
        signal.throwIfAborted();
        const { value: recorded, done: isEnd } = await requests.next();
        if (isEnd || !recorded) return undefined;
        const url = replayUrl(replay.url, recorded.url, recorded.operation);
        if (url === undefined) {
          onLeftOut();
          continue;
        }
        const wait = dueAt(recorded) - performance.now();
        if (wait > 0) await delay(wait, undefined, { signal });
        else if (speed !== undefined) done.latestMs = Math.max(done.latestMs, -wait);
        done.sent += 1;
        return [recorded, url] as const;
      }
    });
    reading = read.catch(() => {});
    return read;
  };
  const sender = async (): Promise<void> => {
    for (let each = await next(); each; each = await next()) await send(...each);
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, sender));
    return done;
  } finally {
    await dispatcher.destroy();
  }
}
