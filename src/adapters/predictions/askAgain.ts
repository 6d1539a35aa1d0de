import { randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { Agent } from "undici";
import { messageOf } from "../../domain/errors.ts";
import { replayUrl } from "../../domain/protocols/asked.ts";
import type { RecordedAnswer, RecordedPair } from "../../domain/shadow/recorded.ts";
import type { AskAgain } from "../postgres/predictions/compareRecorded.ts";
import { againPrefix, type RecordedSide } from "../postgres/predictions/recordedPairs.ts";
import { recordedRequestsOf } from "../postgres/predictions/recordedRequests.ts";
import { refuse } from "../refusals.ts";
import { sendRecorded } from "./sendRecorded.ts";

/** A primary that is asked again what it was asked before. */
export interface AskedPrimary {
  readonly client: ClientBase;
  readonly side: RecordedSide;
  /** Where it predicts. */
  readonly url: string;
  /** Sent with every request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Requests at most. */
  readonly most: number;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** On their way at once: the primary answers its users meanwhile. */
const atOnce = 4;

/**
 * Sends requests of single pairs to the primary once more, a few at a time, under ids that no comparison takes for a client's.
 * @throws OperatorError when nothing answers at the url.
 */
export function askPrimary(asked: AskedPrimary): AskAgain {
  return { most: asked.most, ask: (pairs) => answersAgain(asked, pairs) };
}

async function* answersAgain(
  { client, side, url, headers, timeoutMs, signal }: AskedPrimary,
  pairs: readonly RecordedPair[],
): AsyncGenerator<RecordedAnswer | undefined> {
  const dispatcher = new Agent({ connections: atOnce, keepAliveTimeout: 4_000 });
  const run = `${againPrefix}${randomBytes(4).toString("hex")}`;
  try {
    for (let from = 0; from < pairs.length; from += atOnce) {
      const requests = await recordedRequestsOf(client, side, pairs.slice(from, from + atOnce));
      const answers = await Promise.all(
        requests.map(async (recorded) => {
          const to = recorded && replayUrl(url, recorded.url, recorded.operation);
          if (!recorded || to === undefined) return undefined;
          const id = `${run}-${recorded.requestId}`.slice(0, 256);
          return sendRecorded(recorded, to, id, { dispatcher, headers, timeoutMs, signal });
        }),
      );
      const refused = answers.find((each) => each?.answer.failure === "predictor_unavailable");
      if (refused) throw refuse("replay.unanswered", { url, reason: messageOf(refused.error) });
      for (const each of answers) yield each?.answer;
    }
  } finally {
    await dispatcher.destroy();
  }
}
