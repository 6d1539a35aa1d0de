import type { Logger } from "pino";
import { request } from "undici";
import type { TokenUsage } from "../../domain/protocols/join.ts";

/** Tokens of one answer, for whoever let its request pass. */
interface Settled {
  readonly claim: string;
  /** Null where the answer tells of none. */
  readonly tokens: TokenUsage | null;
}

/** From an answer to its report, in milliseconds; and until a report is tried again. */
const reportEveryMs = 200;
const againMs = 2_000;
/** What is kept while nobody takes it; the oldest goes first, and counts as it was reserved. */
const mostKept = 10_000;
const timeoutMs = 5_000;

/** Reports tokens to the API service, again and again until it takes them: it counts each claim once. */
export class UsageReports {
  readonly #url: string;
  readonly #schema: string;
  readonly #log: Logger;
  #waiting: Settled[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(to: { readonly url: string; readonly schema: string; readonly log: Logger }) {
    this.#url = `${to.url}/usage/settled`;
    this.#schema = to.schema;
    this.#log = to.log;
  }

  add(claim: string, tokens: TokenUsage | null): void {
    this.#waiting.push({ claim, tokens });
    if (this.#waiting.length > mostKept) this.#waiting.shift();
    this.#sendIn(reportEveryMs);
  }

  /** Sends what waits, once. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sending;
    if (this.#waiting.length > 0) await this.#send();
    clearTimeout(this.#timer);
  }

  #sendIn(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#send().finally(() => {
        this.#sending = undefined;
      });
    }, milliseconds);
  }

  async #send(): Promise<void> {
    const settled = this.#waiting.slice(0, mostKept);
    try {
      const { statusCode, body } = await request(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ schema: this.#schema, settled }),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      await body.dump();
      // What it refuses once it refuses again.
      if (statusCode >= 500) throw new Error(`the API service answered ${statusCode}`);
      const sent = new Set(settled);
      this.#waiting = this.#waiting.filter((each) => !sent.has(each));
      if (this.#waiting.length > 0) this.#sendIn(reportEveryMs);
    } catch (error) {
      // No error that may quote what was sent.
      this.#log.warn({ code: (error as NodeJS.ErrnoException).code }, "tokens are not reported yet");
      this.#sendIn(againMs);
    }
  }
}
