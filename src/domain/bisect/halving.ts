/**
 * A search for the place in a line of releases where the answer changes. Positions are whole numbers, the older the smaller; the release at
 * `old` is known to answer as the first one does, the release at `young` as the last one does, and they lie on two sides of a change.
 */
export interface Halving {
  readonly old: number;
  readonly young: number;
  /** Positions between the two ends, wherever they are now, that could not be judged. */
  readonly skipped: ReadonlySet<number>;
  /** How many more positions may be judged: see {@link mostJudged}. */
  readonly left: number;
}

/** What is known of a position: which of the two ends it answers as, or that it cannot be judged. */
export type Side = "old" | "young" | "skipped";

/**
 * Begins between two positions that were found to answer differently.
 *
 * @param skipped - positions that are known not to be judged. @default none
 * @throws RangeError unless `old` is before `young`.
 */
export function beginHalving(old: number, young: number, skipped: ReadonlySet<number> = new Set()): Halving {
  if (!(old < young)) throw new RangeError(`position ${old} is not before ${young}`);
  return { old, young, skipped, left: Math.ceil(Math.log2(young - old)) };
}

/**
 * The position to judge next; undefined where none is left, so that the change is at one of the positions after `old` up to `young`.
 *
 * It is the middle one. Where that was skipped, `git bisect` goes away from it: of the positions that can be judged, in the order of their
 * distance from the middle, it takes the one at a share r^1.5 of the list, r a pseudo-random number from 0 to 1 (git's bisect.c, `skip_away`,
 * and its commit ebc9529f). Releases that cannot be judged stand in runs, and the next neighbour would be skipped too. Here r is the
 * fraction of a multiple of the golden ratio, which needs no seed and spreads evenly; and the choice is among the positions that keep
 * the bound of {@link mostJudged}, which git does not promise.
 */
export function nextPosition({ old, young, skipped, left }: Halving): number | undefined {
  const open = between(old, young).filter((position) => !skipped.has(position));
  const allowed = open.filter((_, index) => Math.max(index + 1, open.length - index) <= 2 ** (left - 1));
  const middle = Math.floor((old + young) / 2);
  const nearest = allowed.toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  if (!skipped.has(middle)) return nearest[0];
  const goldenRatio = (1 + Math.sqrt(5)) / 2;
  const spread = (skipped.size * goldenRatio) % 1;
  return nearest[Math.floor(nearest.length * spread ** 1.5)];
}

/** With what was found at a position that {@link nextPosition} answered. */
export function afterJudging(halving: Halving, position: number, side: Side): Halving {
  if (side === "skipped") {
    return { ...halving, skipped: new Set([...halving.skipped, position]), left: halving.left + 1 };
  }
  const ends = side === "old" ? { old: position } : { young: position };
  return { ...halving, ...ends, left: halving.left - 1 };
}

/**
 * How many positions are judged at most from here on, those that turn out to be skipped not counted: ceil(log2 n) for n positions of which
 * one is the first that is changed, and one more for each that was skipped, because its neighbours halve less well.
 */
export function mostJudged({ old, young, skipped, left }: Halving): number {
  const open = between(old, young).filter((position) => !skipped.has(position));
  return Math.max(0, Math.min(left, open.length));
}

function between(old: number, young: number): number[] {
  return Array.from({ length: young - old - 1 }, (_, index) => old + 1 + index);
}
