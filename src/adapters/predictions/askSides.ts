import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import type { ProofRequest, Round } from "../../domain/proof/asked.ts";
import { replayUrl } from "../../domain/protocols/asked.ts";
import { loadedPath } from "../../domain/serving/servedModel.ts";
import type { RecordedAnswer } from "../../domain/shadow/recorded.ts";
import type { RecordedRequest } from "../postgres/predictions/recordedRequests.ts";
import { sendRecorded } from "./sendRecorded.ts";

/** Two sides of one model, by the Unix sockets at which they take HTTP. */
export interface Sides {
  readonly old: string;
  readonly new: string;
}

export interface Asking {
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  /** Until a side whose process ended takes requests again, in milliseconds. */
  readonly backWithinMs: number;
  readonly signal: AbortSignal;
}

/** A host stands in each url, and nobody looks at it. */
const predictUrl = "http://model/v1/models/model:predict";

/** How long a model has to say that it is loaded, in milliseconds, as a probe gives it. */
const probeMs = 5_000;

/** A side did not take requests again after one that it gave no whole answer to. */
export class SideNotBack extends Error {
  readonly side: "old" | "new";

  constructor(side: "old" | "new", requestId: string, backWithinMs: number) {
    super(`the ${side} side did not answer again within ${backWithinMs / 1_000} s after request ${requestId}`);
    this.side = side;
  }
}

/** Asks both sides of a model, one request at a time, so that neither is kept waiting by the other. */
export class SidesAsker {
  readonly #agents: { readonly old: Agent; readonly new: Agent };
  readonly #asking: Asking;
  readonly #run = `proof-${randomBytes(4).toString("hex")}`;

  constructor(sides: Sides, asking: Asking) {
    const agent = (socketPath: string) => new Agent({ connections: 1, connect: { socketPath } });
    this.#agents = { old: agent(sides.old), new: agent(sides.new) };
    this.#asking = asking;
  }

  /**
   * Asks old, new and old again. Undefined for a request that such a model has no path for.
   * @throws SideNotBack
   */
  async round(recorded: RecordedRequest): Promise<Round | undefined> {
    const url = replayUrl(predictUrl, recorded.url, recorded.operation);
    if (url === undefined) return undefined;
    const ask = (side: "old" | "new") => this.#ask(side, recorded, url);
    return [await ask("old"), await ask("new"), await ask("old")];
  }

  async end(): Promise<void> {
    await Promise.all([this.#agents.old.destroy(), this.#agents.new.destroy()]);
  }

  async #ask(side: "old" | "new", recorded: RecordedRequest, url: string): Promise<RecordedAnswer> {
    const dispatcher = this.#agents[side];
    const id = `${this.#run}-${recorded.requestId}`.slice(0, 256);
    const { answer } = await sendRecorded(recorded, url, id, { dispatcher, headers: {}, ...this.#asking });
    // A request that ended the process must not fail the next one.
    if (answer.failure !== null && !(await this.#isBack(dispatcher))) {
      throw new SideNotBack(side, recorded.requestId, this.#asking.backWithinMs);
    }
    return answer;
  }

  async #isBack(dispatcher: Agent): Promise<boolean> {
    const { signal, backWithinMs } = this.#asking;
    const until = performance.now() + backWithinMs;
    for (; performance.now() < until; await delay(200, undefined, { signal })) {
      try {
        const probe = AbortSignal.any([signal, AbortSignal.timeout(probeMs)]);
        const { statusCode, body } = await request(`http://model${loadedPath}`, { dispatcher, signal: probe });
        await body.dump();
        if (statusCode === 200) return true;
      } catch {
        // It is not there yet.
        signal.throwIfAborted();
      }
    }
    return false;
  }
}

/** What a proof knows of a recorded request. */
export function proofRequestOf({ requestId, attempt, at, operation, body }: RecordedRequest): ProofRequest {
  const key = `${new Date(at).toISOString().slice(0, 10)} ${attempt} ${requestId}`;
  return { key, id: requestId, operation, bytes: body.length };
}
