import { Evidence } from "./errorRollout.ts";
import { binomial, randomOf } from "./random.ts";

/** A rollout whose old version answers every request. */
export interface FaultyRollout {
  /** Weights of the new version, 0 to 1, each with the requests for which it holds; the last one holds until the end. */
  readonly weights: readonly { readonly weight: number; readonly requests: number }[];
  /** Share of its requests that the new version fails. */
  readonly failing: number;
  /** Risk of the judged metric in this judgement. */
  readonly metricRisk: number;
}

/** Requests that fail before the new version is taken back, in each of the rollouts with seeds 0, 1, …, in order of size. */
export function harmedIn(rollouts: number, rollout: FaultyRollout): readonly number[] {
  return Array.from({ length: rollouts }, (_, seed) => harmed(rollout, seed)).sort((a, b) => a - b);
}

/** Judged after each request. Only one that fails may decide, so what lies between two of them is drawn as a number. */
function harmed({ weights, failing, metricRisk }: FaultyRollout, seed: number): number {
  const random = randomOf(seed);
  const evidence = new Evidence();
  let failed = 0;
  for (const [step, { weight, requests }] of weights.entries()) {
    const chance = weight * failing;
    const most = step === weights.length - 1 ? Number.POSITIVE_INFINITY : requests;
    for (let at = 0; at < most; ) {
      const gap = Math.floor(Math.log(1 - random()) / Math.log1p(-chance));
      const answered = Math.min(gap, most - at);
      const ofOld = binomial(random, answered, (1 - weight) / (1 - chance));
      evidence.add(weight, 0, answered - ofOld, 0, ofOld);
      at += answered + 1;
      if (at > most) break;
      failed += 1;
      evidence.add(weight, 1, 0, 0, 0);
      if (evidence.bad() >= -Math.log(metricRisk)) return failed;
    }
  }
  return failed;
}
