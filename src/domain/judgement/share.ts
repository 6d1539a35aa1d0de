import { logIncompleteBeta } from "./incompleteBeta.ts";

/** A share with bounds that hold at all times at once. */
export interface AnytimeInterval {
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** Parameters of the Beta distribution that bets are drawn from. */
export interface BetaPrior {
  readonly a: number;
  readonly b: number;
}

/** Jeffreys' prior: it costs about half the logarithm of the number of trials, whatever the share, and less near 0 and 1. */
const jeffreys: BetaPrior = { a: 0.5, b: 0.5 };

/**
 * Evidence that a share is above `limit`, as the logarithm of an e-value: at most one rollout in `1/risk` whose share never is above it ever
 * sees this reach `log(1/risk)`, however often somebody looks (Ville's inequality).
 *
 * It is the likelihood ratio of a share q against `limit`, averaged over a Beta distribution cut to q > limit: the one-sided beta-binomial
 * mixture of Howard, Ramdas, McAuliffe, Sekhon 2021 (arXiv:1810.08240, Proposition 7). Each q is a constant bet of (q − limit) /
 * (limit (1 − limit)) on every trial. Constant bets are why it holds without independent trials: with p_i the probability of trial i given
 * all before, the product of 1 + λ(p_i − limit) is at most exp(λ Σ(p_i − limit)), so the claim is about the running mean of the p_i, which may
 * change with time and depend on what came before. Bets that adapt (Waudby-Smith, Ramdas 2024, arXiv:2010.09686) are a little sharper
 * and need every single p_i to be within the limit.
 *
 * @param limit - between 0 and 1, both excluded
 */
export function logEvidenceAbove(hits: number, trials: number, limit: number, prior = jeffreys): number {
  return logEvidenceBelow(trials - hits, trials, 1 - limit, { a: prior.b, b: prior.a });
}

/** The same for a share below `limit`. */
export function logEvidenceBelow(hits: number, trials: number, limit: number, { a, b } = jeffreys): number {
  const misses = trials - hits;
  return (
    logIncompleteBeta(a + hits, b + misses, limit) -
    logIncompleteBeta(a, b, limit) -
    hits * Math.log(limit) -
    misses * Math.log1p(-limit)
  );
}

/**
 * What neither {@link logEvidenceAbove} nor {@link logEvidenceBelow} exceeds: the likelihood ratio of the share that was seen, which a mixture only
 * averages. It costs two logarithms, where a mixture costs some hundred steps.
 *
 * @param trials - more than 0
 */
export function mostEvidence(hits: number, trials: number, limit: number): number {
  const misses = trials - hits;
  return (
    (hits > 0 ? hits * Math.log(hits / (trials * limit)) : 0) +
    (misses > 0 ? misses * Math.log(misses / (trials * (1 - limit))) : 0)
  );
}

/** Least share that trials allow at `risk`, at whatever time one looks; 0 without a hit. */
export function anytimeLowerBound(hits: number, trials: number, risk: number): number {
  return 1 - anytimeUpperBound(trials - hits, trials, risk);
}

/** Greatest share that trials allow at `risk`, at whatever time one looks; 1 where all were hits. */
export function anytimeUpperBound(hits: number, trials: number, risk: number): number {
  if (trials <= 0 || hits >= trials) return 1;
  const enough = -Math.log(risk);
  let [low, high] = [hits / trials, 1];
  for (let step = 0; step < 60 && high - low > 1e-12; step += 1) {
    const middle = (low + high) / 2;
    if (middle >= 1 || logEvidenceBelow(hits, trials, middle) >= enough) high = middle;
    else low = middle;
  }
  return high;
}

/** Both bounds together at `risk`, half of it for each. Without trials nothing is known: 0 to 1. */
export function anytimeInterval(hits: number, trials: number, risk: number): AnytimeInterval {
  if (trials <= 0) return { rate: 0, low: 0, high: 1 };
  return {
    rate: hits / trials,
    low: anytimeLowerBound(hits, trials, risk / 2),
    high: anytimeUpperBound(hits, trials, risk / 2),
  };
}
