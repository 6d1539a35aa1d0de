import { evidenceOf, limitedShare } from "./evidence.ts";
import { type JudgeSettings, type Metric, metricsOf } from "./settings.ts";
import type { Judgement } from "./state.ts";

/** How much of the evidence that a decision needs is there: 0 for none or less, 1 for enough. */
export interface EvidenceShare {
  readonly metric: Metric;
  readonly good: number;
  readonly bad: number;
}

/** For pictures: by the bounds that decide, without what a decision needs besides, such as `minRequests`. */
export function evidenceShares(judgement: Judgement, settings: JudgeSettings): readonly EvidenceShare[] {
  const share = (metric: Metric, side: "bad" | "good"): number => {
    const { log, enough } = evidenceOf(judgement, metric, side, settings);
    return Math.max(0, Math.min(1, log / enough));
  };
  return metricsOf(settings).map((metric) => {
    if (saysNothing(judgement, metric, settings)) return { metric, good: 0, bad: 0 };
    return { metric, good: share(metric, "good"), bad: share(metric, "bad") };
  });
}

/** Bounds are for limits between 0 and 1. */
function saysNothing(judgement: Judgement, metric: Metric, settings: JudgeSettings): boolean {
  if (metric !== "maxErrors" && metric !== "mismatch") return false;
  const { trials, limit } = limitedShare(judgement, metric, settings);
  return trials === 0 || limit <= 0 || limit >= 1;
}
