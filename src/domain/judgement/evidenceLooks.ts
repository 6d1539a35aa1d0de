import type { EvidenceShare } from "./evidenceShares.ts";

/** What was known at one look. */
export interface EvidenceLook {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly shares: readonly EvidenceShare[];
}

/** At most so many looks, two or more, spread evenly over all of them: the first and the last stay. */
export function thinned<T>(looks: readonly T[], most: number): readonly T[] {
  if (looks.length <= most) return looks;
  const step = (looks.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, place) => looks[Math.round(place * step)]).filter(
    (look): look is T => look !== undefined,
  );
}
