import type { AnytimeInterval } from "../../../src/domain/judgement/share.ts";

/**
 * Wilson's score interval of a share, right at one look (E. B. Wilson, 1927): what a rule of one's own would take.
 * Without trials nothing is known: 0 to 1.
 *
 * @param confidence - of the interval as a whole, between 0 and 1
 */
export function wilsonInterval(
  hits: number,
  trials: number,
  confidence: number,
): Record<keyof AnytimeInterval, number> {
  if (trials <= 0) return { rate: 0, low: 0, high: 1 };
  const rate = hits / trials;
  const z = quantileOf(0.5 + confidence / 2);
  const z2 = (z * z) / trials;
  const centre = rate + z2 / 2;
  const spread = z * Math.sqrt((rate * (1 - rate)) / trials + z2 / (4 * trials));
  return {
    rate,
    // At the ends the formula is exact but for rounding.
    low: hits === 0 ? 0 : Math.max(0, (centre - spread) / (1 + z2)),
    high: hits === trials ? 1 : Math.min(1, (centre + spread) / (1 + z2)),
  };
}

/** Those asked for, of which a simulation has one. */
const known = new Map<number, number>();
function quantileOf(p: number): number {
  const found = known.get(p) ?? normalQuantile(p);
  known.set(p, found);
  return found;
}

/** Quantile of the standard normal distribution, by bisection of its distribution function: exact to 1e-9, 0 < p < 1. */
function normalQuantile(p: number): number {
  let [low, high] = [-10, 10];
  while (high - low > 1e-10) {
    const middle = (low + high) / 2;
    if (normalDistribution(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(Z ≤ x), by the series of erf near the middle and the continued fraction of erfc in the tails. */
function normalDistribution(x: number): number {
  const t = Math.abs(x) / Math.SQRT2;
  let tail: number;
  if (t < 2.5) {
    let term = t;
    let sum = t;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
      term *= (-t * t) / n;
      sum += term / (2 * n + 1);
    }
    tail = (1 - (2 / Math.sqrt(Math.PI)) * sum) / 2;
  } else {
    let fraction = t;
    for (let n = 60; n > 0; n -= 1) fraction = t + n / 2 / fraction;
    tail = Math.exp(-t * t) / (fraction * Math.sqrt(Math.PI)) / 2;
  }
  return x > 0 ? 1 - tail : tail;
}
