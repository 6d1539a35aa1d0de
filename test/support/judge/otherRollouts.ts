import {
  emptyLatencyCounts,
  latencyEdges,
  logEvidenceOfNotSlower,
  logEvidenceOfSlower,
} from "../../../src/domain/judgement/latencyRatio.ts";
import { logEvidenceAbove, logEvidenceBelow } from "../../../src/domain/judgement/share.ts";
import { enoughForBad, risk } from "./errorRollout.ts";
import { normal, randomOf } from "./random.ts";

export const maxMismatch = 0.02;

/** Pairs that differ, each with a probability that what came before may change; judged after each. Null for never. */
export function mismatchRollout(
  rates: (random: () => number) => (pair: number) => number,
  seed: number,
  pairs = 100_000,
): { readonly bad: number | null; readonly good: boolean } {
  const random = randomOf(seed);
  const rate = rates(random);
  let mismatches = 0;
  let least = 1;
  for (let pair = 1; pair <= pairs; pair += 1) {
    if (random() >= rate(pair)) continue;
    mismatches += 1;
    // The number that is enough grows with the pairs: below the last one, nothing has to be asked.
    if (mismatches < least || mismatches <= maxMismatch * pair) continue;
    if (logEvidenceAbove(mismatches, pair, maxMismatch) >= enoughForBad) return { bad: pair, good: false };
    least = Math.max(least, firstEnough(mismatches, pair));
  }
  return { bad: null, good: logEvidenceBelow(mismatches, pairs, maxMismatch) >= Math.log(2 / risk) };
}

function firstEnough(mismatches: number, pairs: number): number {
  let [few, enough] = [mismatches, mismatches + 1];
  const isEnough = (hits: number) => hits >= pairs || logEvidenceAbove(hits, pairs, maxMismatch) >= enoughForBad;
  for (let step = 1; !isEnough(enough); step *= 2) [few, enough] = [enough, enough + step];
  while (enough - few > 1) {
    const middle = (few + enough) >> 1;
    if (isEnough(middle)) enough = middle;
    else few = middle;
  }
  return enough;
}

export const allowedRatio = 1.5;
/** A second's requests, which a row holds. */
const perRow = 17;

export interface LatencyScenario {
  readonly quantile: 0.5 | 0.95;
  /** By how much the new version takes longer. */
  readonly times: number;
}

/**
 * Lognormal durations that rise and fall with the day and in bursts for both versions, while the new one takes longer. Judged after each second
 * under 1, 10 and 50 %, where each weight begins again.
 */
export function latencyRollout(
  { quantile, times }: LatencyScenario,
  seed: number,
  until = 60_000,
): { readonly bad: number | null; readonly good: boolean } {
  const random = randomOf(seed);
  // Whole steps between edges, so that a duration is a sum of integers; the spread is 0.5 in logarithms.
  const step = Math.log(latencyEdges[1] ?? 2);
  const drawn = Int32Array.from({ length: 4_096 }, () => Math.round((0.5 * normal(random)) / step));
  const slower = Math.log(times) / step;
  const allowed = Math.log(allowedRatio) / step;
  let good = false;
  let at = 0;
  let outage = 0;
  for (const [place, [end, weight]] of (
    [
      [10_000, 0.01],
      [30_000, 0.1],
      [60_000, 0.5],
    ] as const
  ).entries()) {
    const counts = emptyLatencyCounts();
    const [fresh, old] = [counts.fresh.surely as number[], counts.old.surely as number[]];
    const all = { fresh: { surely: fresh, perhaps: fresh }, old: { surely: old, perhaps: old } };
    const price = Math.log((place + 1) * (place + 2));
    for (; at < Math.min(end, until); at += perRow) {
      if (random() < 0.002) outage = 1 + Math.floor(random() * 100);
      outage -= 1;
      const now = 50 + 7 * Math.sin(at / 5_000) + (outage > 0 ? 21 : 0);
      let isAsked = false;
      for (let request = 0; request < perRow; request += 1) {
        const taken = now + (drawn[(random() * 4_096) | 0] ?? 0);
        if (random() < weight) {
          // Rounded down, where the old one's is rounded up: a histogram says no more.
          const edge = Math.max(0, Math.min(latencyEdges.length, Math.floor(taken + slower - allowed)));
          fresh[edge] = (fresh[edge] ?? 0) + 1;
          isAsked = true;
        } else {
          const edge = Math.max(0, Math.min(latencyEdges.length, Math.ceil(taken)));
          old[edge] = (old[edge] ?? 0) + 1;
        }
      }
      if (isAsked && logEvidenceOfSlower(all, quantile, enoughForBad + price) >= enoughForBad + price)
        return { bad: at + perRow, good };
    }
    good = logEvidenceOfNotSlower(all, quantile) >= Math.log(2 / risk) + price;
  }
  return { bad: null, good };
}
