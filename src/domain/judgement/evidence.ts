import { logEvidenceOfBad, logEvidenceOfGood } from "./coin.ts";
import { logEvidenceOfNotSlower, logEvidenceOfSlower } from "./latencyRatio.ts";
import { type JudgeSettings, latencyQuantiles, type Metric, metricsOf } from "./settings.ts";
import { logEvidenceAbove, logEvidenceBelow } from "./share.ts";
import type { Judgement } from "./state.ts";

/** Logarithms of e-values, and from where on they decide. */
export interface Evidence {
  readonly bad: number;
  readonly good: number;
  readonly badFrom: number;
  readonly goodFrom: number;
}

/** What speaks for and against the new version by one metric, without what a decision needs besides, such as `minRequests`. */
export function evidenceOf(judgement: Judgement, metric: Metric, settings: JudgeSettings): Evidence {
  // The risk is split over the metrics; all of them must be good, so that needs no split (Berger 1982).
  const badFrom = Math.log(metricsOf(settings).length / judgement.risk);
  const goodFrom = -Math.log(judgement.risk);
  if (metric === "errors") {
    const margin = settings.maxErrorIncrease;
    const { errors } = judgement;
    return { bad: logEvidenceOfBad(errors, margin), good: logEvidenceOfGood(errors, margin), badFrom, goodFrom };
  }
  if (metric === "maxErrors" || metric === "mismatch") {
    const { hits, trials, limit } = limitedShare(judgement, metric, settings);
    const [bad, good] = [logEvidenceAbove(hits, trials, limit), logEvidenceBelow(hits, trials, limit)];
    return { bad, good, badFrom, goodFrom };
  }
  const { counts, number } = judgement.latency;
  const quantile = latencyQuantiles[metric];
  // As many judgements of latency as there were weights share its risk.
  const price = Math.log(Math.max(1, number * (number + 1)));
  return {
    bad: logEvidenceOfSlower(counts[metric], quantile),
    good: logEvidenceOfNotSlower(counts[metric], quantile),
    badFrom: badFrom + price,
    goodFrom: goodFrom + price,
  };
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
