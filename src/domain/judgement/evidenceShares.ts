import { differenceBounds } from "./coin.ts";
import { coinOf, evidenceOf, isCoinMetric, limitedShare } from "./evidence.ts";
import { type JudgeSettings, type Metric, metricsOf, riskShareOf } from "./settings.ts";
import { anytimeLowerBound, anytimeUpperBound } from "./share.ts";
import type { Judgement } from "./state.ts";

/** Where a share is, as a difference of the new version's less the old one's or by itself, and the limit that it is judged by. */
export interface EvidenceBounds {
  readonly low: number;
  readonly high: number;
  readonly limit: number;
}

/** How much of the evidence that a decision needs is there: 0 for none or less, 1 for enough. */
export interface EvidenceShare {
  readonly metric: Metric;
  readonly good: number;
  readonly bad: number;
  /** It is bad where they are above the limit, and good where they are below it. Null for quantiles of latency, which are compared at their limit alone. */
  readonly bounds: EvidenceBounds | null;
}

/** For pictures: by the bounds that decide, without what a decision needs besides, such as `minRequests`. */
export function evidenceShares(judgement: Judgement, settings: JudgeSettings): readonly EvidenceShare[] {
  const share = (metric: Metric, side: "bad" | "good"): number => {
    const { log, enough } = evidenceOf(judgement, metric, side, settings);
    return Math.max(0, Math.min(1, log / enough));
  };
  return metricsOf(settings).map((metric) => {
    if (saysNothing(judgement, metric, settings)) return { metric, good: 0, bad: 0, bounds: null };
    return {
      metric,
      good: share(metric, "good"),
      bad: share(metric, "bad"),
      bounds: boundsOf(judgement, metric, settings),
    };
  });
}

/** As the sentences of verdicts say them: a bound of bad by the metric's part of the risk, a bound of good by all of it. */
function boundsOf(judgement: Judgement, metric: Metric, settings: JudgeSettings): EvidenceBounds | null {
  const { risk } = judgement;
  const splitRisk = risk * riskShareOf(metric, settings);
  if (isCoinMetric(metric)) {
    const counts = coinOf(judgement, metric);
    const { low } = differenceBounds(counts, splitRisk);
    const { high } = differenceBounds(counts, risk);
    return { low, high, limit: settings.maxErrorIncrease };
  }
  if (metric !== "maxErrors" && metric !== "mismatch") return null;
  const { hits, trials, limit } = limitedShare(judgement, metric, settings);
  return { low: anytimeLowerBound(hits, trials, splitRisk), high: anytimeUpperBound(hits, trials, risk), limit };
}

/** Bounds are for limits between 0 and 1. */
function saysNothing(judgement: Judgement, metric: Metric, settings: JudgeSettings): boolean {
  if (metric !== "maxErrors" && metric !== "mismatch") return false;
  const { trials, limit } = limitedShare(judgement, metric, settings);
  return trials === 0 || limit <= 0 || limit >= 1;
}
