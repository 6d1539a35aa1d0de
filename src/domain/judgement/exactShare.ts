import { logBeta, logIncompleteBeta } from "./incompleteBeta.ts";

/**
 * Greatest share that a fixed number of trials allows at `risk`: Clopper and Pearson 1934, Biometrika 26(4), one-sided. Of 500 trials
 * without a hit, 0.6 % at 0.05. For one look; whoever looks again and again needs `anytimeUpperBound`.
 *
 * @param trials - 0 allows everything
 */
export function exactUpperBound(hits: number, trials: number, risk: number): number {
  if (hits >= trials) return 1;
  if (hits === 0) return 1 - risk ** (1 / trials);
  // P(at most `hits` of `trials` at share p) is the incomplete beta function I(trials − hits, hits + 1) at 1 − p.
  const [a, b] = [trials - hits, hits + 1];
  const whole = logBeta(a, b);
  let [low, high] = [hits / trials, 1];
  for (let step = 0; step < 60 && high - low > 1e-12; step += 1) {
    const middle = (low + high) / 2;
    if (logIncompleteBeta(a, b, 1 - middle) - whole <= Math.log(risk)) high = middle;
    else low = middle;
  }
  return high;
}
