import { logEvidenceOfBad, logEvidenceOfGood } from "./coin.ts";
import { logEvidenceOfNotSlower, logEvidenceOfSlower } from "./latencyRatio.ts";
import { type JudgeSettings, latencyQuantiles, type Metric, metricsOf } from "./settings.ts";
import { logEvidenceAbove, logEvidenceBelow } from "./share.ts";
import type { Judgement } from "./state.ts";

/** Logarithm of an e-value, and from where on it decides. */
export interface Evidence {
  readonly log: number;
  readonly enough: number;
}

/** What speaks against the new version by one metric, or for it, without what a decision needs besides, such as `minRequests`. */
export function evidenceOf(
  judgement: Judgement,
  metric: Metric,
  side: "bad" | "good",
  settings: JudgeSettings,
): Evidence {
  const isBad = side === "bad";
  // The risk is split over the metrics; all of them must be good, so that needs no split (Berger 1982).
  const enough = Math.log((isBad ? metricsOf(settings).length : 1) / judgement.risk);
  if (metric === "errors") {
    const log = (isBad ? logEvidenceOfBad : logEvidenceOfGood)(judgement.errors, settings.maxErrorIncrease);
    return { log, enough };
  }
  if (metric === "maxErrors" || metric === "mismatch") {
    const { hits, trials, limit } = limitedShare(judgement, metric, settings);
    return { log: (isBad ? logEvidenceAbove : logEvidenceBelow)(hits, trials, limit), enough };
  }
  const { counts, number } = judgement.latency;
  const log = (isBad ? logEvidenceOfSlower : logEvidenceOfNotSlower)(counts[metric], latencyQuantiles[metric]);
  // As many judgements of latency as there were weights share its risk.
  return { log, enough: enough + Math.log(Math.max(1, number * (number + 1))) };
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
