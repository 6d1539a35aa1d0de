/** Upper bounds of the buckets in milliseconds, those of Envoy's histograms; one more bucket holds what took longer. */
export const latencyBounds: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** Requests by how long they took, one number for each bucket. */
export type Latency = readonly number[];

/** Place of the bucket for a duration in milliseconds. */
export function bucketOf(milliseconds: number): number {
  const place = latencyBounds.findIndex((bound) => milliseconds <= bound);
  return place < 0 ? latencyBounds.length : place;
}

export function emptyLatency(): number[] {
  return new Array<number>(latencyBounds.length + 1).fill(0);
}

/**
 * Buckets of a Prometheus histogram, which count everything up to each bound, as a {@link Latency}. Where its bounds are others, what is
 * between two of them goes to our bucket for the upper one: durations may appear longer, never shorter.
 */
export function latencyOf(cumulative: readonly (readonly [upTo: number, count: number])[]): number[] {
  const latency = emptyLatency();
  let below = 0;
  for (const [upTo, count] of [...cumulative].sort(([a], [b]) => a - b)) {
    const place = bucketOf(upTo);
    latency[place] = (latency[place] ?? 0) + Math.max(0, count - below);
    below = Math.max(below, count);
  }
  return latency;
}

export function addLatency(one: Latency, other: Latency): number[] {
  return emptyLatency().map((_, place) => (one[place] ?? 0) + (other[place] ?? 0));
}

export function timed(latency: Latency): number {
  return latency.reduce((sum, count) => sum + count, 0);
}

/**
 * The duration in milliseconds that the share `quantile` (0 to 1) of the requests did not exceed, estimated within its bucket; undefined
 * where nothing was timed. What took longer than the last bound is told as that bound.
 */
export function latencyQuantile(latency: Latency, quantile: number): number | undefined {
  const total = timed(latency);
  if (total === 0) return undefined;
  const rank = quantile * total;
  let below = 0;
  for (const [place, count] of latency.entries()) {
    if (count > 0 && below + count >= rank) {
      const upper = latencyBounds[place];
      const lower = latencyBounds[place - 1] ?? 0;
      return upper === undefined ? lower : lower + ((upper - lower) * Math.max(0, rank - below)) / count;
    }
    below += count;
  }
  return latencyBounds.at(-1);
}
