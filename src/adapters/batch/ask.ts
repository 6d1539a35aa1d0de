import { randomUUID } from "node:crypto";
import { Agent, request } from "undici";
import { batchPurpose, purposeHeader } from "../../domain/access/purpose.ts";
import { writtenBody } from "../../domain/batch/answerLine.ts";
import type { Heard } from "../../domain/batch/heard.ts";
import { retryAfterMs } from "../../domain/batch/retryAfter.ts";
import { messageOf } from "../../domain/errors.ts";
import { decodeBody } from "../predictions/decodedBody.ts";
import { failureOf } from "../predictions/predictorFailure.ts";

export interface AskerSettings {
  /** Connections at once. */
  readonly concurrency: number;
  /** Sent with every request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
}

/** Bytes of an answer, at most: it is kept in memory until it is written. */
const longestAnswer = 128 * 1024 ** 2;

/** Sends the requests of a batch, over connections that it keeps. */
export class Asker {
  readonly #agent: Agent;
  readonly #settings: AskerSettings;
  #keptOut: boolean | undefined;

  constructor(settings: AskerSettings) {
    this.#settings = settings;
    // Idle connections go before uvicorn's 5 s, so that none is closed under a request.
    this.#agent = new Agent({
      connections: settings.concurrency,
      connect: { timeout: 5_000 },
      keepAliveTimeout: 4_000,
      headersTimeout: settings.timeoutMs,
      bodyTimeout: settings.timeoutMs,
    });
  }

  /** Whether a recorder has said that it keeps the requests out of its tables; undefined before the first success. */
  get isKeptOut(): boolean | undefined {
    return this.#keptOut;
  }

  /** Sends one request; answers whatever comes. */
  async ask(url: string, body: string, signal: AbortSignal): Promise<Heard> {
    const requestId = randomUUID();
    const { timeoutMs } = this.#settings;
    // Not by AbortSignal.any: the signal of a batch would keep something of each of its requests.
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(new DOMException("too late", "TimeoutError")), timeoutMs);
    const stop = (): void => over.abort(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      const answered = await request(url, {
        dispatcher: this.#agent,
        method: "POST",
        body,
        headers: {
          "content-type": "application/json",
          ...this.#settings.headers,
          "x-request-id": requestId,
          [purposeHeader]: batchPurpose,
        },
        signal: over.signal,
      });
      const { statusCode: status } = answered;
      const header = (name: string): string | undefined => {
        const value = answered.headers[name];
        return value === undefined ? undefined : [value].flat().join(", ");
      };
      const bytes = await readAll(answered.body);
      if (!bytes) return tooLong;
      const decoded = decodeBody(bytes, header("content-encoding") ?? "", longestAnswer);
      if (!(decoded instanceof Uint8Array) && decoded.unjudgeable === "too_long") return tooLong;
      if (status >= 200 && status < 300) this.#keptOut ??= header(purposeHeader) === batchPurpose;
      return {
        kind: "answer",
        response: {
          status,
          requestId: header("x-request-id") ?? requestId,
          body: writtenBody(decoded instanceof Uint8Array ? decoded : bytes),
        },
        retryAfterMs: retryAfterMs(header, Date.now()),
      };
    } catch (error) {
      const reason = reasonOf(error);
      switch (failureOf(error)) {
        case "predictor_unavailable":
          return { kind: "refused", reason };
        case "predictor_timeout":
          return { kind: "timeout", reason: `no whole answer within ${timeoutMs / 1000} s` };
        case "predictor_broken":
          return { kind: "broken", reason };
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

const tooLong: Heard = { kind: "too_long", reason: `the answer is longer than ${longestAnswer / 1024 ** 2} MiB` };

async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    // Leaving the loop ends the connection.
    if (bytes > longestAnswer) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Of a name with several addresses, each has an error of its own, and the whole has no message. */
function reasonOf(error: unknown): string {
  const each = error instanceof AggregateError ? error.errors : [error];
  return each.map(messageOf).join("; ");
}
