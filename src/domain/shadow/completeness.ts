import type { RecordedCounts } from "./recorded.ts";

/** How much of what should have been compared could be. */
export interface Completeness extends RecordedCounts {
  /** Share of the primary's requests that are mirrored, 0 to 100. */
  readonly percent: number;
  /** Requests that were mirrored; an expectation where `percent` is below 100, for nobody records the draw. */
  readonly sampled: number;
  readonly isEstimate: boolean;
  /** Mirrored requests without an answer on both sides. */
  readonly lost: number;
  /** `paired / sampled`, at most 1; null where nothing was sampled. */
  readonly rate: number | null;
}

export function completenessOf(counts: RecordedCounts, percent: number): Completeness {
  const expected = Math.round((counts.primary * percent) / 100);
  // Whatever the shadow recorded was mirrored, also where the draw was above its expectation.
  const sampled = percent >= 100 ? Math.max(counts.primary, counts.shadow) : Math.max(expected, counts.shadow);
  return {
    ...counts,
    percent,
    sampled,
    isEstimate: percent < 100,
    lost: Math.max(0, sampled - counts.paired),
    rate: sampled === 0 ? null : Math.min(1, counts.paired / sampled),
  };
}
