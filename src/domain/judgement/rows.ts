import { judgedFailures, outcomeOf, type TrafficPath } from "../traffic/outcome.ts";
import type { Second } from "../traffic/seconds.ts";
import type { UserShares } from "./coin.ts";
import type { OpenRequests, TimedRequests } from "./latencyRatio.ts";

/** What one version answered. */
export interface SideCounts {
  /** Requests that ended, `failed` among them; those of clients that left count as answered. */
  readonly requests: number;
  readonly failed: number;
  /**
   * How long requests took. At the gateway those that are over: whole answers, streams to their end, in Envoy's classes, those of a pod's first seconds
   * among them, failures too. By recorders until the first token or the end, without those of a pod's first seconds; a request that failed, whose client
   * left or that is not over counts as at least its age.
   */
  readonly timed: readonly TimedRequests[];
  /** Pods that were ready; undefined where nobody knows. */
  readonly pods?: number | undefined;
}

/**
 * One second of one path, both versions together: a look between the two would see one side's failures before the other's answers. Requests
 * that were sent to a version by name, and those of batches, replays and smoke checks, are not in it: the coin did not choose their side.
 */
export interface RoutedRow {
  readonly kind: "routed";
  readonly second: Second;
  readonly path: TrafficPath;
  /** Probability of the new version, 0 to 1; null in a second in which it changed: its requests cannot be told apart by weight. */
  readonly weight: number | null;
  readonly new: SideCounts;
  readonly old: SideCounts;
}

/**
 * Users whose side was drawn in one second, both versions together, where a cookie keeps them on it. Of `first`, the request that was drawn, once
 * it is over; of `whole`, all requests of a user that were over within `userWindow` of the draw, once that is over, in the order of draws.
 */
export interface UsersRow {
  readonly kind: "users";
  readonly of: "first" | "whole";
  readonly second: Second;
  /** Probability of the new version, between 0 and 1: that of the cookie's generation. */
  readonly weight: number;
  readonly new: UserShares;
  readonly old: UserShares;
}

/**
 * Requests that the coin drew and that were over in one second, both versions together, as their recorders stored them: failed are also those that told
 * of an error inside a stream. They are among those of {@link RoutedRow}, so they are judged apart.
 */
export interface RecordedRow {
  readonly kind: "recorded";
  readonly second: Second;
  /** Probability of the new version, between 0 and 1: that of the generation of the traffic that drew them. */
  readonly weight: number;
  readonly new: SideCounts;
  readonly old: SideCounts;
  /** Of this weight, those that are not over yet, in place of what an earlier row said. @default as it said */
  readonly open?: Readonly<Record<"new" | "old", readonly OpenRequests[]>> | undefined;
  /** Requests whose records the recorders lost so far, of either version. @default as an earlier row said */
  readonly lost?: number | undefined;
}

/** Requests that both versions answered: the mirrored control at full weight, or a mirror. */
export interface PairsRow {
  readonly kind: "pairs";
  readonly second: Second;
  /** Of the requests, as in {@link RoutedRow}. @default that of the last routed row */
  readonly weight?: number | null | undefined;
  readonly newFailed: number;
  readonly oldFailed: number;
  readonly bothFailed: number;
  readonly neitherFailed: number;
  /** Pairs whose answers were compared, and those that differ. */
  readonly compared: number;
  readonly mismatches: number;
  readonly newTimed: readonly TimedRequests[];
  readonly oldTimed: readonly TimedRequests[];
}

/** A source that stopped telling, or tells again: a gateway's pod, an API pod, the comparison. */
export interface SourceRow {
  readonly kind: "source";
  readonly source: string;
  readonly isMissing: boolean;
}

/** What a fixed limit of the stack's own says by now; it has no part in the risk. */
export interface LimitRow {
  readonly kind: "limit";
  readonly query: string;
  /** `unknown` where Prometheus has no one value for it. */
  readonly state: "within" | "above" | "unknown";
  readonly sentence: string;
}

/** What a judgement is folded over, in the order in which it was stored. */
export type JudgementRow = RoutedRow | UsersRow | RecordedRow | PairsRow | SourceRow | LimitRow;

/** Whether an answer with this status is a failure of the version. Time-outs and broken streams are too, whatever their status. */
export function isFailure(status: number): boolean {
  const outcome = outcomeOf(status);
  return outcome !== undefined && judgedFailures.has(outcome);
}
