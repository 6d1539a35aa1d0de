import semver from "semver";
import { type Combination, combinationDigest, describeChanges } from "./combination.ts";
import { refuse } from "./refusals.ts";
import { type Scheme, shapeOf } from "./scheme.ts";
import { baseOf, formatTag, type ReleaseTag } from "./tag.ts";

/** A release that an environment's record holds already. */
export interface RecordedRelease extends Combination {
  readonly tag: string;
  /** The tag without its candidate's number. */
  readonly base: string;
  /** Of a `deployment-manager`'s tag. */
  readonly number: number | null;
  readonly candidate: number | null;
}

/** What the record knows that a tag is chosen by. */
export interface RecordedReleases {
  /** Releases of the very same combination. */
  readonly same: readonly RecordedRelease[];
  /** Releases with the same base; of a `deployment-manager`, those of the highest number. The newest first. */
  readonly near: readonly RecordedRelease[];
}

/** The release that an `up` makes. */
export interface ReleasePlan extends Combination {
  readonly scheme: Scheme;
  readonly tag: string;
  readonly base: string;
  readonly number: number | null;
  readonly candidate: number | null;
  readonly combinationDigest: string;
  /** Whether the record holds it already: the `up` goes back to it, or changes nothing of it. */
  readonly recorded: boolean;
}

/** The tag's base where versions alone say it; undefined for a `deployment-manager`, whose record counts. */
export function declaredBase(scheme: Scheme, combination: Combination): string | undefined {
  const tag = declaredTag(scheme, combination);
  return tag && baseOf(tag);
}

function declaredTag(scheme: Scheme, { code, models }: Combination): ReleaseTag | undefined {
  switch (shapeOf(scheme)) {
    case "numbered":
      return undefined;
    case "joint":
      return { shape: "joint", version: code };
    case "combined":
      return { shape: "combined", version: code, models };
  }
}

/**
 * Chooses the tag of a combination: that of the record where it holds the combination already, so that going back brings
 * the old tag back; else the next one.
 * @throws OperatorError when the tag that the versions say stands for something else in the record.
 */
export function planRelease(
  scheme: Scheme,
  combination: Combination,
  wantsCandidate: boolean,
  recorded: RecordedReleases,
): ReleasePlan {
  const tag = declaredTag(scheme, combination);
  const base = tag && baseOf(tag);
  const fits = (each: RecordedRelease): boolean =>
    (each.candidate !== null) === wantsCandidate && (base === undefined ? each.number !== null : each.base === base);
  const known = recorded.same.find(fits);
  const plan = (chosen: ReleaseTag, isRecorded: boolean): ReleasePlan => ({
    code: combination.code,
    models: combination.models,
    scheme,
    recorded: isRecorded,
    tag: formatTag(chosen),
    base: baseOf(chosen),
    combinationDigest: combinationDigest(combination),
    number: chosen.shape === "numbered" ? chosen.number : null,
    candidate: chosen.candidate ?? null,
  });
  if (known) {
    const candidate = known.candidate ?? undefined;
    return plan(tag ? { ...tag, candidate } : { shape: "numbered", number: known.number ?? 1, candidate }, true);
  }
  if (!tag) return plan(nextNumbered(combination, wantsCandidate, recorded.near), false);
  if (wantsCandidate) return plan({ ...tag, candidate: nextCandidate(recorded.near) }, false);
  const taken = recorded.near.find(({ candidate }) => candidate === null);
  if (taken) throw otherContent(scheme, combination, taken);
  return plan(tag, false);
}

/** A release counts each combination; a candidate counts those that are tried with one version of the code. */
function nextNumbered(
  { code }: Combination,
  wantsCandidate: boolean,
  near: readonly RecordedRelease[],
): ReleaseTag & { shape: "numbered" } {
  const highest = Math.max(0, ...near.map(({ number }) => number ?? 0));
  if (!wantsCandidate) return { shape: "numbered", number: highest + 1 };
  const tried = near.filter((each) => each.number === highest);
  const goesOn = tried.length > 0 && tried.every((each) => each.candidate !== null && each.code === code);
  return goesOn
    ? { shape: "numbered", number: highest, candidate: nextCandidate(tried) }
    : { shape: "numbered", number: highest + 1, candidate: 1 };
}

function nextCandidate(near: readonly RecordedRelease[]): number {
  return Math.max(0, ...near.map(({ candidate }) => candidate ?? 0)) + 1;
}

function otherContent(scheme: Scheme, combination: Combination, taken: RecordedRelease): Error {
  const changes = describeChanges(taken, combination).join(", ");
  const next = semver.inc(combination.code, "minor");
  const change =
    shapeOf(scheme) === "joint"
      ? `a model of another version is a minor change: set it to ${next}, or tag the commit v${next}`
      : "give the new content a version of its own";
  return refuse("release.tag-taken", { tag: taken.tag, changes, change });
}
