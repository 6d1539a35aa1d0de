import { combinationKey } from "./parts.ts";
import type { Candidate } from "./search.ts";

/**
 * A history without repetitions: of releases that follow each other with the same content the first one, with the others in its
 * `releases`.
 *
 * @returns the same, with the places that each stands for
 */
export function withoutRepeats<Each extends Candidate>(history: readonly Each[]): Stretch<Each>[] {
  const stretches: { of: Each[]; key: string | undefined }[] = [];
  for (const candidate of history) {
    const { combination } = candidate;
    const key = "notJudged" in combination ? undefined : combinationKey(combination);
    const last = stretches.at(-1);
    if (last && key !== undefined && last.key === key) last.of.push(candidate);
    else stretches.push({ of: [candidate], key });
  }
  return stretches.flatMap(({ of }) => {
    const [first] = of;
    return first ? [{ label: first.label, combination: first.combination, releases: of }] : [];
  });
}

/** Releases that follow each other and answer alike. */
export interface Stretch<Each extends Candidate> extends Candidate {
  /** The oldest first; at least one. */
  readonly releases: readonly Each[];
}
