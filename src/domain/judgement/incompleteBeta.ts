/** Lanczos' coefficients for g = 7, n = 9: the logarithm of Γ is good to 1e-14 for positive arguments. */
const lanczos: readonly number[] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Logarithm of Γ(x), x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const t = x - 1 + 7.5;
  let sum = lanczos[0] ?? 1;
  for (let n = 1; n < lanczos.length; n += 1) sum += (lanczos[n] ?? 0) / (x - 1 + n);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/**
 * Logarithm of ∫₀ˣ t^(a−1) (1−t)^(b−1) dt, not divided by B(a, b); a, b > 0, 0 < x ≤ 1. In logarithms throughout, so that tails far below
 * 1e-308 keep their size. By the continued fraction of DLMF 8.17.22, which converges fast up to the mean and is used for the other tail
 * beyond it.
 */
export function logIncompleteBeta(a: number, b: number, x: number): number {
  if (x >= 1) return logBeta(a, b);
  const head = a * Math.log(x) + b * Math.log1p(-x);
  if (x <= (a + 1) / (a + b + 2)) return head - Math.log(a) + Math.log(fraction(a, b, x));
  const whole = logBeta(a, b);
  const rest = head - Math.log(b) + Math.log(fraction(b, a, 1 - x));
  return whole + Math.log1p(-Math.exp(Math.min(0, rest - whole)));
}

/** Lentz's method. The number of steps grows with √max(a, b): some hundreds for 100,000 requests. */
function fraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return value;

  function nonZero(number: number): number {
    return Math.abs(number) < tiny ? tiny : number;
  }
}
