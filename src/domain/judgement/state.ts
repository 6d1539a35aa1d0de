import type { CoinCounts, ErrorCounts, UserCounts } from "./coin.ts";
import type { LatencyCounts, OpenRequests } from "./latencyRatio.ts";
import type { LatencyQuantile, Metric } from "./settings.ts";

/** Requests of one side under all weights, and in pairs. */
export interface SideTotal {
  readonly requests: number;
  readonly failed: number;
}

/** Durations under one weight; they begin again where it changes. */
export interface LatencySegment {
  /** The router's weight, or `pairs` while one version answers all requests and the other the mirrored ones. */
  readonly under: number | "pairs" | null;
  /** 1 for the first: the n-th has 1/(n (n + 1)) of the metric's risk. */
  readonly number: number;
  readonly counts: Readonly<Record<LatencyQuantile, LatencyCounts>>;
  /** Of the counts, requests that were not over at the last row. @default none */
  readonly open?: Readonly<Record<"new" | "old", readonly OpenRequests[]>> | undefined;
  /** Requests, and seconds of ready pods, of rows that tell pods. */
  readonly load: Readonly<Record<"new" | "old", { readonly requests: number; readonly podSeconds: number }>>;
}

/**
 * What a judgement has seen: plain data, integers but for weights, to be stored as JSON beside the cursor of the rows. The same rows from
 * any state of the way give the same verdicts.
 */
export interface Judgement {
  /** Of this judgement. */
  readonly risk: number;
  /** For those that may follow in the same rollout. */
  readonly riskLeft: number;
  readonly errors: ErrorCounts;
  /** By all of their requests. @default none was drawn */
  readonly users?: readonly UserCounts[] | undefined;
  /** Requests that the coin drew, as recorders tell of them. @default none is recorded */
  readonly recorded?: readonly CoinCounts[] | undefined;
  /** Requests whose records the recorders lost. @default none */
  readonly lost?: number | undefined;
  readonly total: Readonly<Record<"new" | "old", SideTotal>>;
  readonly mismatch: { readonly compared: number; readonly mismatches: number };
  readonly latency: LatencySegment;
  /** Weight of the last row, 0 to 1; null before any. */
  readonly weight: number | null;
  /** Sources that are missing now, in order of name. */
  readonly missing: readonly string[];
  /** Fixed limits whose value is not known, with the reason. @default none is unknown */
  readonly unknownLimits?: Readonly<Record<string, string>> | undefined;
  /** The verdict that stopped the rollout; it stays. */
  readonly decided: Verdict | null;
  /** What came later: shown, never judged. */
  readonly afterDecision: Readonly<Record<"new" | "old", SideTotal>>;
}

export type Decision = "bad" | "good" | "undecided";

export interface MetricVerdict {
  readonly metric: Metric;
  readonly decision: Decision;
  /** Such as `errors 12 of 180 against 3 of 1,620, at least 2.1 points more`. */
  readonly sentence: string;
}

export interface Verdict {
  readonly decision: Decision;
  /** Why it is bad or undecided; empty where it is good. */
  readonly because: readonly string[];
  /** What a reader has to know of any decision: `no control`, `load differs`. */
  readonly notes: readonly string[];
  readonly metrics: readonly MetricVerdict[];
}
