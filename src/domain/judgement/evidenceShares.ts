import { logEvidenceOfBad, logEvidenceOfGood } from "./coin.ts";
import { logEvidenceOfNotSlower, logEvidenceOfSlower } from "./latencyRatio.ts";
import { type JudgeSettings, latencyQuantiles, type Metric, metricsOf } from "./settings.ts";
import { logEvidenceAbove, logEvidenceBelow } from "./share.ts";
import type { Judgement } from "./state.ts";

/** How much of the evidence that a decision needs is there: 0 for none or less, 1 for enough. */
export interface EvidenceShare {
  readonly metric: Metric;
  readonly good: number;
  readonly bad: number;
}

/** For pictures: by the bounds that decide, without what a decision needs besides, such as `minRequests`. */
export function evidenceShares(judgement: Judgement, settings: JudgeSettings): readonly EvidenceShare[] {
  const metrics = metricsOf(settings);
  const forGood = -Math.log(judgement.risk);
  const forBad = forGood + Math.log(metrics.length);
  const share = (log: number, needed: number): number => Math.max(0, Math.min(1, log / needed));
  return metrics.map((metric) => {
    const { good, bad, price } = logsOf(judgement, metric, settings);
    return { metric, good: share(good, forGood + price), bad: share(bad, forBad + price) };
  });
}

function logsOf({ errors, total, mismatch, latency }: Judgement, metric: Metric, settings: JudgeSettings) {
  if (metric === "errors") {
    const margin = settings.maxErrorIncrease;
    return { good: logEvidenceOfGood(errors, margin), bad: logEvidenceOfBad(errors, margin), price: 0 };
  }
  if (metric === "maxErrors" || metric === "mismatch") {
    const limit = (metric === "maxErrors" ? settings.maxErrors : settings.maxMismatch) ?? 1;
    const [hits, trials] =
      metric === "maxErrors" ? [total.new.failed, total.new.requests] : [mismatch.mismatches, mismatch.compared];
    if (trials === 0 || limit <= 0 || limit >= 1) return { good: 0, bad: 0, price: 0 };
    return { good: logEvidenceBelow(hits, trials, limit), bad: logEvidenceAbove(hits, trials, limit), price: 0 };
  }
  const { counts, number } = latency;
  const quantile = latencyQuantiles[metric];
  return {
    good: logEvidenceOfNotSlower(counts[metric], quantile),
    bad: logEvidenceOfSlower(counts[metric], quantile),
    // As many judgements of latency as there were weights share its risk.
    price: Math.log(Math.max(1, number * (number + 1))),
  };
}
