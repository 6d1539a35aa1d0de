import type { Stretch } from "../../domain/bisect/history.ts";
import { type MixedCombination, type Part, partsBetween } from "../../domain/bisect/parts.ts";
import {
  type BisectReport,
  type ReportedPart,
  type ReportedRelease,
  recordedCommit,
} from "../../domain/bisect/report.ts";
import type { Change, Split } from "../../domain/bisect/search.ts";
import type { DeploymentRange } from "../../domain/release/record.ts";
import { declaredHash } from "../../domain/release/stateSchema.ts";
import type { SearchedRelease } from "./searchedHistory.ts";

/** Releases that follow each other and answer alike. */
export type SearchedStretch = Stretch<SearchedRelease>;

/** What a search found, besides what was asked. */
export interface FoundChange {
  readonly stretches: readonly SearchedStretch[];
  readonly change: Change;
  readonly split: Split;
}

/** The part of a report that says what was found. */
export function reportedChange({
  stretches,
  change,
  split,
}: FoundChange): Pick<BisectReport, "change" | "parts" | "judged" | "notJudged"> {
  const at = (position: number): SearchedStretch => {
    const stretch = stretches[position];
    if (!stretch) throw new RangeError(`the history has no position ${position}`);
    return stretch;
  };
  const range = stretches.slice(change.old + 1, change.young + 1);
  return {
    change: {
      fault: change.came ? "came" : "went",
      last: reportedRelease(lastOf(at(change.old)).deployment),
      first: range.map((stretch) => reportedRelease(firstOf(stretch).deployment)),
      contrary: change.contrary.map((position) => reportedRelease(firstOf(at(position)).deployment)),
    },
    parts: split.parts.map((part) => reportedPart(part, split, at(change.old), range)),
    judged: change.known.map(({ position, side, tally }) => ({
      ...reportedRelease(firstOf(at(position)).deployment),
      asked: tally.asked,
      faulty: tally.faulty,
      side,
    })),
    notJudged: change.skipped.map(({ position, notJudged }) => ({
      ...reportedRelease(firstOf(at(position)).deployment),
      reason: notJudged,
    })),
  };
}

export function reportedRelease({ id, tag, since, requestedBy, commit }: DeploymentRange): ReportedRelease {
  return { deployment: id, tag, since: since.toISOString(), requestedBy, ...recordedCommit(commit) };
}

/** @param range - the stretches after the old one, up to the young one */
function reportedPart(part: Part, split: Split, old: SearchedStretch, range: readonly SearchedStretch[]): ReportedPart {
  const young = range.at(-1);
  if (!young) throw new RangeError("a change has a younger side");
  const key = JSON.stringify(part);
  // The earliest from which on it is as in the young one; what could not be read may have had it already.
  const came: SearchedStretch[] = [young];
  for (const stretch of range.slice(0, -1).toReversed()) {
    const { combination } = stretch;
    const isUnread = "notJudged" in combination;
    if (!isUnread && partsBetween(combination, runnable(young)).some((each) => JSON.stringify(each) === key)) break;
    if (!isUnread) came.length = 0;
    came.unshift(stretch);
  }
  return {
    ...part,
    from: partIn(part, old),
    to: partIn(part, young),
    releases: came.map((stretch) => reportedRelease(firstOf(stretch).deployment)),
    needed: !split.mayBeNeedless.some((each) => JSON.stringify(each) === key),
  };
}

/** What a part is in a release; null where it is not there. */
function partIn(part: Part, stretch: SearchedStretch): string | null {
  const combination = runnable(stretch);
  if (part.kind === "tag") return combination.name;
  if (part.kind === "schemas")
    return combination.state && `content ${declaredHash(combination.state.files).slice(0, 12)}`;
  if (part.kind === "table") {
    return combination.state?.tables.some(({ name }) => name === part.table)
      ? `rows of ${combination.state.tag}`
      : null;
  }
  const model = combination.models.find(({ name }) => name === part.model);
  if (!model) return null;
  if (part.kind === "model") {
    const served = firstOf(stretch).deployment.models.find(({ name }) => name === part.model);
    return `version ${served?.version ?? "unknown"} (${(served?.hash ?? "content unknown").slice(0, 12)})`;
  }
  if (part.key === "resources") return JSON.stringify(model.resources);
  const value = model.env[part.key.slice("env.".length)];
  return value === undefined ? null : JSON.stringify(value);
}

function runnable({ combination, label }: SearchedStretch): MixedCombination {
  if ("notJudged" in combination) throw new Error(`${label} was judged, and cannot be read`);
  return combination;
}

function firstOf({ releases: [first], label }: SearchedStretch): SearchedRelease {
  if (!first) throw new Error(`${label} stands for no release`);
  return first;
}

function lastOf({ releases, label }: SearchedStretch): SearchedRelease {
  const last = releases.at(-1);
  if (!last) throw new Error(`${label} stands for no release`);
  return last;
}
