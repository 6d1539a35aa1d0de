/** Numbers from 0 to 1, without 1, that follow from a seed: Marsaglia's xorshift over the steps of a Weyl sequence, 32 bits. */
export function randomOf(seed: number): () => number {
  let state = (seed * 0x9e3779b1 + 0x6d2b79f5) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Standard normal, by Box and Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** How many of `trials` succeed: one by one where few are expected, else by the normal approximation, whose error is far below what is tested. */
export function binomial(random: () => number, trials: number, probability: number): number {
  if (trials <= 0 || probability <= 0) return 0;
  if (probability >= 1) return trials;
  if (probability > 0.5) return trials - binomial(random, trials, 1 - probability);
  if (trials * probability > 50) {
    const spread = Math.sqrt(trials * probability * (1 - probability));
    return Math.max(0, Math.min(trials, Math.round(trials * probability + spread * normal(random))));
  }
  // Lengths of failures between successes.
  const log = Math.log1p(-probability);
  let successes = 0;
  for (let at = Math.floor(Math.log(1 - random()) / log); at < trials; successes += 1) {
    at += 1 + Math.floor(Math.log(1 - random()) / log);
  }
  return successes;
}
