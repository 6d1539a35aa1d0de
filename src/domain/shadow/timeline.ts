/** Points of a plot at most. */
const points = 120;
const narrowest = 1_000;

/** What happened in one stretch of time. */
export interface TimelinePoint {
  /** Beginning, in milliseconds since 1970. */
  readonly at: number;
  /** Pairs that were compared. */
  readonly pairs: number;
  readonly mismatches: number;
}

/** Counts over time with bounded memory: stretches double in width whenever there are too many of them. */
export class Timeline {
  #width = narrowest;
  #points = new Map<number, { pairs: number; mismatches: number }>();
  /** Keys of the earliest and latest stretch. */
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(at: number, isMismatch: boolean): void {
    const key = Math.floor(at / this.#width);
    let point = this.#points.get(key);
    if (!point) {
      point = { pairs: 0, mismatches: 0 };
      this.#points.set(key, point);
    }
    point.pairs += 1;
    if (isMismatch) point.mismatches += 1;
    this.#first = Math.min(this.#first, key);
    this.#last = Math.max(this.#last, key);
    while (this.#last - this.#first >= points) this.#widen();
  }

  /** Width of a stretch in milliseconds, and the stretches in order; those without pairs are left out. */
  summary(): { readonly width: number; readonly points: readonly TimelinePoint[] } {
    const sorted = [...this.#points].sort(([a], [b]) => a - b);
    return { width: this.#width, points: sorted.map(([key, point]) => ({ at: key * this.#width, ...point })) };
  }

  #widen(): void {
    const wider = new Map<number, { pairs: number; mismatches: number }>();
    for (const [key, point] of this.#points) {
      const sum = wider.get(Math.floor(key / 2));
      if (sum) {
        sum.pairs += point.pairs;
        sum.mismatches += point.mismatches;
      } else wider.set(Math.floor(key / 2), point);
    }
    this.#points = wider;
    this.#width *= 2;
    this.#first = Math.floor(this.#first / 2);
    this.#last = Math.floor(this.#last / 2);
  }
}
