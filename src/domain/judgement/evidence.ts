import { type ErrorCounts, logEvidenceOfBad, logEvidenceOfGood } from "./coin.ts";
import { logEvidenceOfNotSlower, logEvidenceOfSlower } from "./latencyRatio.ts";
import { type JudgeSettings, latencyQuantiles, type Metric, riskShareOf } from "./settings.ts";
import { logEvidenceAbove, logEvidenceBelow } from "./share.ts";
import type { Judgement } from "./state.ts";

/** Logarithm of an e-value, and from where on it decides. */
export interface Evidence {
  readonly log: number;
  readonly enough: number;
}

/** Whether the new version is bad by one metric, or good, without what a decision needs besides, such as `minRequests`. */
export function isEnough(judgement: Judgement, metric: Metric, side: "bad" | "good", settings: JudgeSettings): boolean {
  const enough = enoughFor(judgement, metric, side, settings);
  return logOf(judgement, metric, side, settings, enough) >= enough;
}

/** How much speaks against the new version by one metric, or for it. */
export function evidenceOf(
  judgement: Judgement,
  metric: Metric,
  side: "bad" | "good",
  settings: JudgeSettings,
): Evidence {
  return {
    log: logOf(judgement, metric, side, settings),
    enough: enoughFor(judgement, metric, side, settings),
  };
}

function enoughFor(
  { risk, latency: { number } }: Judgement,
  metric: Metric,
  side: "bad" | "good",
  settings: JudgeSettings,
): number {
  // The risk is split over the metrics; all of them must be good, so that needs no split (Berger 1982).
  const enough = -Math.log(risk * (side === "bad" ? riskShareOf(metric, settings) : 1));
  // As many judgements of latency as there were weights share its risk.
  return enough + (metric in latencyQuantiles ? Math.log(Math.max(1, number * (number + 1))) : 0);
}

/** @param least - below it, the answer may be lower than the evidence is. @default it is exact */
function logOf(
  judgement: Judgement,
  metric: Metric,
  side: "bad" | "good",
  settings: JudgeSettings,
  least?: number,
): number {
  const isBad = side === "bad";
  if (isCoinMetric(metric))
    return (isBad ? logEvidenceOfBad : logEvidenceOfGood)(coinOf(judgement, metric), settings.maxErrorIncrease);
  if (metric === "maxErrors" || metric === "mismatch") {
    const { hits, trials, limit } = limitedShare(judgement, metric, settings);
    return (isBad ? logEvidenceAbove : logEvidenceBelow)(hits, trials, limit);
  }
  const { counts } = judgement.latency;
  return (isBad ? logEvidenceOfSlower : logEvidenceOfNotSlower)(counts[metric], latencyQuantiles[metric], least);
}

/** Metrics that compare failures by who was drawn. */
export type CoinMetric = Extract<Metric, "errors" | "users" | "streams">;

export function isCoinMetric(metric: Metric): metric is CoinMetric {
  return metric === "errors" || metric === "users" || metric === "streams";
}

/** The counts of a metric that compares failures. */
export function coinOf(
  { errors, users = [], recorded = [] }: Pick<Judgement, "errors" | "users" | "recorded">,
  metric: CoinMetric,
): ErrorCounts {
  const pairs = { newFailed: 0, oldFailed: 0, alike: 0 };
  if (metric === "streams") return { routed: recorded, pairs };
  return metric === "errors" ? errors : { routed: [], users, pairs };
}

/** The counts of a metric with a fixed limit. */
export function limitedShare(
  { total, mismatch }: Pick<Judgement, "total" | "mismatch">,
  metric: "maxErrors" | "mismatch",
  { maxErrors, maxMismatch }: Pick<JudgeSettings, "maxErrors" | "maxMismatch">,
): { readonly hits: number; readonly trials: number; readonly limit: number } {
  return metric === "maxErrors"
    ? { hits: total.new.failed, trials: total.new.requests, limit: maxErrors ?? 1 }
    : { hits: mismatch.mismatches, trials: mismatch.compared, limit: maxMismatch ?? 1 };
}
