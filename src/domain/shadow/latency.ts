/** Share by which neighbouring classes differ: percentiles are exact to that. */
const growth = 1.02;
const smallest = 0.001;

/** Percentiles of one side, in milliseconds, or in what was added; all null without any value. */
export interface LatencySummary {
  readonly count: number;
  readonly p5: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** How many values are in which class: upper bound in milliseconds, and their number, in ascending order. */
  readonly classes: readonly { readonly upTo: number; readonly count: number }[];
}

/** Counts latencies in classes that grow by 2 %, so that memory is bounded and percentiles are exact to 2 %. */
export class LatencyHistogram {
  readonly #classes = new Map<number, number>();
  #count = 0;

  add(milliseconds: number): void {
    if (!Number.isFinite(milliseconds) || milliseconds < 0) return;
    const index = Math.ceil(Math.log(Math.max(milliseconds, smallest) / smallest) / Math.log(growth) - 1e-9);
    this.#classes.set(index, (this.#classes.get(index) ?? 0) + 1);
    this.#count += 1;
  }

  summary(): LatencySummary {
    const sorted = [...this.#classes]
      .sort(([a], [b]) => a - b)
      .map(([index, count]) => ({ upTo: bound(index), count }));
    const percentile = (share: number): number | null => {
      let left = Math.ceil(share * this.#count);
      for (const { upTo, count } of sorted) {
        left -= count;
        if (left <= 0) return upTo;
      }
      return null;
    };
    const [p5, p50, p95, p99] = [0.05, 0.5, 0.95, 0.99].map((share) => (this.#count === 0 ? null : percentile(share)));
    return {
      count: this.#count,
      p5: p5 ?? null,
      p50: p50 ?? null,
      p95: p95 ?? null,
      p99: p99 ?? null,
      classes: sorted,
    };
  }
}

function bound(index: number): number {
  return Number((smallest * growth ** index).toPrecision(4));
}
