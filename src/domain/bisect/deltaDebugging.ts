/** What a subset of parts does: shows the fault, does not, or cannot be judged. */
export type SubsetOutcome = "shows" | "does not" | "unresolved";

/** Parts that show the fault together. */
export interface Minimal<Part> {
  readonly parts: readonly Part[];
  /**
   * Subsets of `parts` that lack one part, and could not be judged: the part may be needless. Empty where each of the parts is known to be
   * needed, so that several of them do it only together.
   */
  readonly unresolved: readonly (readonly Part[])[];
}

/**
 * Parts that show the fault together, such that it is not shown without any single one of them, as far as that can be judged: the minimizing
 * delta debugging algorithm ddmin (Zeller, Hildebrandt 2002, "Simplifying and isolating failure-inducing input", section 3.2). All parts
 * together show the fault and no part does not: the caller knows both. A single part among n is found in about 2 log2 n tests, and n² + 3n
 * is the most.
 *
 * @param shows - asked once for each subset, given in the order of `parts`; not of all, nor of none.
 */
export async function minimalParts<Part>(
  parts: readonly Part[],
  shows: (subset: readonly Part[]) => Promise<SubsetOutcome>,
): Promise<Minimal<Part>> {
  const known = new Map<string, SubsetOutcome>();
  const place = new Map(parts.map((part, index) => [part, index]));
  const outcomeOf = async (subset: readonly Part[]): Promise<SubsetOutcome> => {
    if (subset.length === 0) return "does not";
    const key = subset.map((part) => place.get(part)).join(" ");
    const outcome = known.get(key) ?? (await shows(subset));
    known.set(key, outcome);
    return outcome;
  };
  const firstThatShows = async (subsets: readonly (readonly Part[])[]) => {
    for (const subset of subsets) if ((await outcomeOf(subset)) === "shows") return subset;
    return undefined;
  };

  let current = parts;
  for (let granularity = 2; current.length >= 2; ) {
    const pieces = split(current, granularity);
    const piece = await firstThatShows(pieces);
    if (piece) {
      [current, granularity] = [piece, 2];
      continue;
    }
    const rest = await firstThatShows(pieces.map((each) => without(current, each)));
    if (rest) {
      [current, granularity] = [rest, Math.max(granularity - 1, 2)];
      continue;
    }
    if (granularity >= current.length) break;
    granularity = Math.min(current.length, granularity * 2);
  }
  const smaller = current.length < 2 ? [] : current.map((part) => without(current, [part]));
  const unresolved: (readonly Part[])[] = [];
  for (const subset of smaller) if ((await outcomeOf(subset)) === "unresolved") unresolved.push(subset);
  return { parts: current, unresolved };
}

/** So many pieces of nearly the same length. */
function split<Part>(parts: readonly Part[], pieces: number): Part[][] {
  return Array.from({ length: pieces }, (_, index) =>
    parts.slice(Math.floor((index * parts.length) / pieces), Math.floor(((index + 1) * parts.length) / pieces)),
  );
}

function without<Part>(parts: readonly Part[], removed: readonly Part[]): Part[] {
  return parts.filter((part) => !removed.includes(part));
}
