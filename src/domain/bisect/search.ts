import type { Asking } from "./asking.ts";
import { minimalParts, type SubsetOutcome } from "./deltaDebugging.ts";
import { afterJudging, beginHalving, mostJudged, nextPosition } from "./halving.ts";
import { areWellApart, type Distinction, distinction, noAnswers, sideOf, type Tally } from "./noise.ts";
import { combinationKey, type MixedCombination, type Part, partName, partsBetween, withParts } from "./parts.ts";
import type { NotJudged } from "./ports.ts";
import { refuse } from "./refusals.ts";

/** A release of the history that is searched. */
export interface Candidate {
  /** For people, such as `release-7`. */
  readonly label: string;
  /** What is brought up, or why that cannot be. */
  readonly combination: MixedCombination | NotJudged;
}

/** How often a combination is asked. */
export interface Patience {
  /** Of each of the two ends, at least. */
  readonly least: number;
  /** Of any, at most: what is still not clear then counts as not judged. */
  readonly most: number;
}

/** What is known of one release of the history. */
export interface Known {
  readonly position: number;
  readonly side: "old" | "young";
  readonly tally: Tally;
}

export interface Skipped extends NotJudged {
  readonly position: number;
}

/** Where the answer changes. */
export interface Change {
  /** Whether the fault came with it; else it went. */
  readonly came: boolean;
  /** The last position that answers as the first release does, and the first one known to answer as the last does. */
  readonly old: number;
  readonly young: number;
  /** Every release that was judged, or has the content of one that was; the oldest first. */
  readonly known: readonly Known[];
  readonly skipped: readonly Skipped[];
  /** Releases before `old`, or after `young`, that are on the other side: there are other changes. */
  readonly contrary: readonly number[];
}

/** What of the change makes the difference. */
export interface Split {
  /** Together they do. */
  readonly parts: readonly Part[];
  /** Those of them without which the others could not be judged: they may be needless. */
  readonly mayBeNeedless: readonly Part[];
}

/** A release's combination with its position's label. */
interface Judgeable {
  readonly label: string;
  readonly combination: MixedCombination;
}

/**
 * The place in a history where the answer changes: both ends first, then halves.
 *
 * @param candidates - the history, the oldest first; at least two
 * @param lookFurther - so many releases more are judged, in the widest gaps outside the change, to see whether there are others
 * @throws OperatorError where an end cannot be judged, or both answer alike.
 */
export async function findChange(
  candidates: readonly Candidate[],
  asking: Asking,
  { patience, lookFurther, onStep }: SearchOptions,
): Promise<{ readonly change: Change; readonly apart: Distinction }> {
  const last = candidates.length - 1;
  const [first, end] = [judgeable(candidates, 0), judgeable(candidates, last)];
  const apart = await tellEndsApart(first, end, asking, patience);
  const judge = (position: number) => sideAt(candidates, position, asking, apart, patience);

  const gone = candidates.flatMap(({ combination }, position) => ("notJudged" in combination ? [position] : []));
  let halving = beginHalving(0, last, new Set(gone));
  for (;;) {
    const position = nextPosition(halving);
    if (position === undefined) break;
    onStep?.({ label: labelAt(candidates, position), left: mostJudged(halving) });
    const found = await judge(position);
    halving = afterJudging(halving, position, typeof found === "string" ? found : "skipped");
  }
  const { old, young } = halving;
  for (let more = 0; more < lookFurther; more += 1) {
    const taken = [...everyKnown(candidates, asking, apart), ...knownSkipped(candidates, asking, apart)];
    const position = widestGap(new Set(taken.map((each) => each.position)), last, [old, young]);
    if (position === undefined) break;
    onStep?.({ label: labelAt(candidates, position), left: lookFurther - more });
    await judge(position);
  }
  const known = everyKnown(candidates, asking, apart);
  const contrary = known
    .filter(({ position, side }) => (position < old && side === "young") || (position > young && side === "old"))
    .map(({ position }) => position);
  const skipped = knownSkipped(candidates, asking, apart);
  return { change: { came: apart.came, old, young, known, skipped, contrary }, apart };
}

export interface SearchOptions {
  readonly patience: Patience;
  readonly lookFurther: number;
  /** Before each release that is judged, with how many are left at most, this one included. */
  readonly onStep?: ((step: { readonly label: string; readonly left: number }) => void) | undefined;
}

async function tellEndsApart(
  first: Judgeable,
  end: Judgeable,
  asking: Asking,
  { least, most }: Patience,
): Promise<Distinction> {
  if (combinationKey(first.combination) === combinationKey(end.combination)) {
    throw refuse("bisect.same-content", { old: first.label, young: end.label });
  }
  const [older, younger] = [keptEnd(first, asking), keptEnd(end, asking)];
  let [old, young]: readonly [Tally, Tally] = [noAnswers, noAnswers];
  try {
    // Both stay up until they are told apart, in turns: how often the one has to be asked depends on how noisy the other one is.
    for (let times = Math.min(least, most); ; times = Math.min(times + least, most)) {
      old = await older.answers(times, ({ asked }) => asked >= times);
      young = await younger.answers(times, (tally) => tally.asked >= least && areWellApart(old, tally));
      if (areWellApart(old, young) || areAlike(old, young) || times === most) break;
    }
  } finally {
    await older.dispose();
    await younger.dispose();
  }
  const apart = distinction(old, young);
  if (apart) return apart;
  throw refuse("bisect.ends-agree", {
    old: first.label,
    oldFaulty: old.faulty,
    oldAsked: old.asked,
    young: end.label,
    youngFaulty: young.faulty,
    youngAsked: young.asked,
  });
}

/** An end, which must be judged. */
function keptEnd({ label, combination }: Judgeable, asking: Asking) {
  const kept = asking.kept(label, combination);
  return {
    async answers(most: number, isEnough: (tally: Tally) => boolean): Promise<Tally> {
      const found = await kept.answers(most, isEnough);
      if ("notJudged" in found) throw refuse("bisect.end-not-judged", { label, reason: found.notJudged });
      return found;
    },
    dispose: () => kept.dispose(),
  };
}

/** Neither varies, and both answer the same. */
function areAlike(old: Tally, young: Tally): boolean {
  return (
    [old, young].every(({ faulty }) => faulty === 0) || [old, young].every(({ asked, faulty }) => faulty === asked)
  );
}

async function sideAt(
  candidates: readonly Candidate[],
  position: number,
  asking: Asking,
  apart: Distinction,
  { most }: Patience,
): Promise<"old" | "young" | NotJudged> {
  const candidate = candidates[position];
  if (!candidate) throw new RangeError(`the history has no position ${position}`);
  const { label, combination } = candidate;
  return "notJudged" in combination ? combination : sideOfAsked({ label, combination }, asking, apart, most);
}

/** Asks until it is clear. */
async function sideOfAsked(
  { label, combination }: Judgeable,
  asking: Asking,
  apart: Distinction,
  most: number,
): Promise<"old" | "young" | NotJudged> {
  return side(await asking.answers(label, combination, most, (tally) => sideOf(tally, apart) !== undefined), apart);
}

function side(found: Tally | NotJudged, apart: Distinction): "old" | "young" | NotJudged {
  if ("notJudged" in found) return found;
  return sideOf(found, apart) ?? { notJudged: `still not clear after ${found.asked} answers` };
}

/** Without asking: what was judged, and what has the same content. */
function everyKnown(candidates: readonly Candidate[], asking: Asking, apart: Distinction): Known[] {
  return candidates.flatMap(({ combination }, position): Known[] => {
    const tally = "notJudged" in combination ? undefined : asking.known(combination);
    const found = tally && !("notJudged" in tally) ? sideOf(tally, apart) : undefined;
    return tally && found && !("notJudged" in tally) ? [{ position, side: found, tally }] : [];
  });
}

function knownSkipped(candidates: readonly Candidate[], asking: Asking, apart: Distinction): Skipped[] {
  return candidates.flatMap(({ combination }, position): Skipped[] => {
    if ("notJudged" in combination) return [{ position, ...combination }];
    const known = asking.known(combination);
    const found = known && side(known, apart);
    return typeof found === "object" ? [{ position, ...found }] : [];
  });
}

/** The middle of the widest run of positions outside the change that nothing is known of. */
function widestGap(
  taken: ReadonlySet<number>,
  last: number,
  [old, young]: readonly [number, number],
): number | undefined {
  let [best, from]: [readonly number[], number[]] = [[], []];
  for (let position = 0; position <= last + 1; position += 1) {
    const isOpen = position <= last && !taken.has(position) && (position < old || position > young);
    if (isOpen) from.push(position);
    else {
      if (from.length > best.length) best = from;
      from = [];
    }
  }
  return best[Math.floor(best.length / 2)];
}

/**
 * The parts of a change that make the difference, by delta debugging on the older release.
 *
 * @param onTest - before each subset that is judged
 */
export async function splitChange(
  old: Judgeable,
  young: Judgeable,
  asking: Asking,
  { apart, patience, onTest }: SplitOptions,
): Promise<Split> {
  const all = partsBetween(old.combination, young.combination);
  const shows = async (parts: readonly Part[]): Promise<SubsetOutcome> => {
    onTest?.(parts);
    const label = `${old.label} with ${parts.map(partName).join(", ")}`;
    const combination = withParts(old.combination, young.combination, parts);
    const found = await sideOfAsked({ label, combination }, asking, apart, patience.most);
    if (typeof found === "object") return "unresolved";
    return found === "young" ? "shows" : "does not";
  };
  const { parts, unresolved } = await minimalParts(all, shows);
  const mayBeNeedless = parts.filter((part) => unresolved.some((subset) => !subset.includes(part)));
  return { parts, mayBeNeedless };
}

export interface SplitOptions {
  readonly apart: Distinction;
  readonly patience: Patience;
  readonly onTest?: ((parts: readonly Part[]) => void) | undefined;
}

function judgeable(candidates: readonly Candidate[], position: number): Judgeable {
  const candidate = candidates[position];
  if (!candidate) throw new RangeError(`the history has no position ${position}`);
  const { label, combination } = candidate;
  if ("notJudged" in combination) throw refuse("bisect.end-not-judged", { label, reason: combination.notJudged });
  return { label, combination };
}

function labelAt(candidates: readonly Candidate[], position: number): string {
  return candidates[position]?.label ?? "";
}
