/** Candidates that are counted at once; a factor that more than 1 in 17 differences share cannot escape. */
const candidates = 16;
/** Two ratios are the same factor when their logarithms round to the same or a neighbouring multiple of this. */
const resolution = 1e-5;
/** Share of the differences that must follow the factor before it is worth telling. */
const worthTelling = 0.95;
const atLeast = 3;
const negative = 1e12;

/** A factor that nearly all numeric differences follow. */
export interface FactorFinding {
  /** Shadow divided by primary. */
  readonly factor: number;
  /** Share of the numeric differences that follow it. */
  readonly share: number;
}

/**
 * Finds whether the shadow's numbers are the primary's times one factor, in one pass and with bounded memory: the frequent
 * ones among the ratios are kept by Misra's and Gries' counting (1982).
 */
export class ConstantFactor {
  readonly #counted = new Map<number, { count: number; sum: number; weight: number }>();
  #total = 0;

  add(primary: number, shadow: number): void {
    this.#total += 1;
    const ratio = shadow / primary;
    if (!Number.isFinite(ratio) || ratio === 0) return;
    const key = Math.round(Math.log(Math.abs(ratio)) / resolution);
    // Far outside of what a logarithm of a double can round to.
    const named = (each: number): number => (ratio < 0 ? each + negative : each);
    for (const near of [key, key - 1, key + 1]) {
      const known = this.#counted.get(named(near));
      if (!known) continue;
      known.count += 1;
      known.sum += ratio;
      known.weight += 1;
      return;
    }
    if (this.#counted.size < candidates) {
      this.#counted.set(named(key), { count: 1, sum: ratio, weight: 1 });
      return;
    }
    for (const [other, known] of this.#counted) {
      known.count -= 1;
      if (known.count === 0) this.#counted.delete(other);
    }
  }

  /** Undefined where there is no such factor, or too little to say. */
  finding(): FactorFinding | undefined {
    let best: { count: number; sum: number; weight: number } | undefined;
    for (const known of this.#counted.values()) if (!best || known.count > best.count) best = known;
    if (!best || this.#total < atLeast || best.count < worthTelling * this.#total) return undefined;
    return { factor: Number((best.sum / best.weight).toPrecision(6)), share: best.count / this.#total };
  }
}
