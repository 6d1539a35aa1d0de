import { Evidence } from "./errorRollout.ts";
import { binomial, randomOf } from "./random.ts";

/** A rollout at one weight, whose old version answers every request. */
export interface FaultyRollout {
  /** Share of the requests that the new version gets, 0 to 1. */
  readonly weight: number;
  /** Share of them that it fails. */
  readonly failing: number;
  /** Risk of the judged metric in this judgement. */
  readonly metricRisk: number;
  /** Requests that arrive between the one that decides and the moment from which the new version gets none. @default 0 */
  readonly late?: number;
}

/** Requests that fail before the new version is taken back, in each of the rollouts with seeds 0, 1, …, in order of size. */
export function harmedIn(rollouts: number, rollout: FaultyRollout): readonly number[] {
  return Array.from({ length: rollouts }, (_, seed) => harmed(rollout, seed)).sort((a, b) => a - b);
}

/** Judged after each request. Only one that fails may decide, so what lies between two of them is drawn as a number. */
function harmed({ weight, failing, metricRisk, late = 0 }: FaultyRollout, seed: number): number {
  const random = randomOf(seed);
  const evidence = new Evidence();
  const chance = weight * failing;
  for (let failed = 1; ; failed += 1) {
    const before = Math.floor(Math.log(1 - random()) / Math.log1p(-chance));
    const ofOld = binomial(random, before, (1 - weight) / (1 - chance));
    evidence.add(weight, 1, before - ofOld, 0, ofOld);
    if (evidence.bad() >= -Math.log(metricRisk)) return failed + binomial(random, late, chance);
  }
}
