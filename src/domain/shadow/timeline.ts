/** Points of a plot at most. */
const points = 120;
const narrowest = 1_000;

/** What happened in one stretch of time. */
export interface TimelinePoint {
  /** Beginning, in milliseconds since 1970. */
  readonly at: number;
  /** Pairs that were compared. */
  readonly pairs: number;
  /** Of them, those that differ by more than noise. */
  readonly mismatches: number;
}

/** Counts over time with bounded memory: stretches double in width whenever there are too many of them. */
export class Timeline {
  #width = narrowest;
  /** Pairs of a stretch by their kind; those that do not differ have none. */
  #points = new Map<number, Map<number | undefined, number>>();
  /** Keys of the earliest and latest stretch. */
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /** @param kind - a small number for the way in which a pair differs; undefined where it does not. */
  add(at: number, kind: number | undefined): void {
    const key = Math.floor(at / this.#width);
    let point = this.#points.get(key);
    if (!point) {
      point = new Map();
      this.#points.set(key, point);
    }
    point.set(kind, (point.get(kind) ?? 0) + 1);
    this.#first = Math.min(this.#first, key);
    this.#last = Math.max(this.#last, key);
    while (this.#last - this.#first >= points) this.#widen();
  }

  /** Width of a stretch in milliseconds, and the stretches in order; those without pairs are left out. */
  summary(isMismatch: (kind: number) => boolean): {
    readonly width: number;
    readonly points: readonly TimelinePoint[];
  } {
    const sorted = [...this.#points].sort(([a], [b]) => a - b);
    return {
      width: this.#width,
      points: sorted.map(([key, point]) => {
        let [pairs, mismatches] = [0, 0];
        for (const [kind, count] of point) {
          pairs += count;
          if (kind !== undefined && isMismatch(kind)) mismatches += count;
        }
        return { at: key * this.#width, pairs, mismatches };
      }),
    };
  }

  #widen(): void {
    const wider = new Map<number, Map<number | undefined, number>>();
    for (const [key, point] of this.#points) {
      const sum = wider.get(Math.floor(key / 2));
      if (!sum) wider.set(Math.floor(key / 2), point);
      else for (const [kind, count] of point) sum.set(kind, (sum.get(kind) ?? 0) + count);
    }
    this.#points = wider;
    this.#width *= 2;
    this.#first = Math.floor(this.#first / 2);
    this.#last = Math.floor(this.#last / 2);
  }
}
