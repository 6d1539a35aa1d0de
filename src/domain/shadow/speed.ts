import { LatencyHistogram, type LatencySummary } from "./latency.ts";
import type { RecordedAnswer } from "./recorded.ts";

/** How fast one side's streams came. */
export interface StreamSpeed {
  /** From the request's head until the first event that changed what the model says, in milliseconds. */
  readonly firstToken: LatencySummary;
  /** Tokens after the first, by the seconds from there to the end. */
  readonly tokensPerSecond: LatencySummary;
}

/** Counts how fast streams came. */
export class StreamSpeeds {
  readonly #firstToken = new LatencyHistogram();
  readonly #tokensPerSecond = new LatencyHistogram();

  add(answer: RecordedAnswer): void {
    const { firstTokenMs, failure } = answer;
    // Half a stream has no speed.
    if (failure !== null || firstTokenMs === undefined || firstTokenMs === null) return;
    this.#firstToken.add(firstTokenMs);
    const perSecond = tokensPerSecond(answer);
    if (perSecond !== undefined) this.#tokensPerSecond.add(perSecond);
  }

  summary(): StreamSpeed {
    return { firstToken: this.#firstToken.summary(), tokensPerSecond: this.#tokensPerSecond.summary() };
  }
}

/** Undefined where usage tells no tokens, where there is only one, and where all came at once. */
function tokensPerSecond({ firstTokenMs, latencyMs, completionTokens }: RecordedAnswer): number | undefined {
  if (!completionTokens || completionTokens < 2 || latencyMs === null) return undefined;
  const seconds = (latencyMs - (firstTokenMs ?? 0)) / 1000;
  return seconds > 0 ? (completionTokens - 1) / seconds : undefined;
}
