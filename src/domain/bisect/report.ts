import { counted } from "../counted.ts";
import { type Part, partName } from "./parts.ts";

/** A release of the record, as a report names it. */
export interface ReportedRelease {
  /** Number of the deployment. */
  readonly deployment: string;
  readonly tag: string;
  /** When it became current, in ISO 8601. */
  readonly since: string;
  readonly requestedBy: string;
  /** Commit of the `up`; null where it ran outside a git repository, or files differed from the commit. */
  readonly commit: string | null;
  /** The commit that files differed from; null where none did. */
  readonly dirtyCommit: string | null;
}

/** A part of the change, with what it was and is. */
export type ReportedPart = Part & {
  /** Such as `version 3 (1396ff068929)`; null where it is not there. */
  readonly from: string | null;
  readonly to: string | null;
  /** Releases that it may have come with: one, unless releases before it could not be read. */
  readonly releases: readonly ReportedRelease[];
  /** Whether the others are known to need it. */
  readonly needed: boolean;
};

/** What a search has found. */
export interface BisectReport {
  readonly stack: string;
  readonly model: string;
  /** What is asked, such as `request 7f3a`. */
  readonly asked: string;
  /** What is expected, such as `the answer of release-3`. */
  readonly expected: string;
  readonly from: ReportedRelease;
  readonly to: ReportedRelease;
  readonly change: {
    /** Whether the fault came with it, or went. */
    readonly fault: "came" | "went";
    /** The last release before it. */
    readonly last: ReportedRelease;
    /** The release with which it came; several where those between could not be judged. */
    readonly first: readonly ReportedRelease[];
    /** Releases on the other side than the change alone would put them: the fault comes and goes, and this is one transition of several. */
    readonly contrary: readonly ReportedRelease[];
  };
  /** The smallest set of parts that makes the difference. */
  readonly parts: readonly ReportedPart[];
  readonly judged: readonly (ReportedRelease & {
    readonly asked: number;
    readonly faulty: number;
    readonly side: "old" | "young";
  })[];
  readonly notJudged: readonly (ReportedRelease & { readonly reason: string })[];
  /** How often something was brought up, in all runs. */
  readonly restores: number;
  readonly notes: readonly string[];
}

/** The report as a terminal shows it. */
export function describeReport(report: BisectReport): string {
  const { change, parts, judged, notJudged, restores, notes, expected, asked, model } = report;
  const [first, ...others] = change.first;
  const names = change.first.map(nameOf);
  const verb = change.fault === "came" ? "came" : "went";
  const headline =
    others.length === 0 && first
      ? `the fault ${verb} with ${nameOf(first)}, after ${nameOf(change.last)}`
      : `the fault ${verb} with one of ${names.join(", ")}; those before the last one could not be judged`;
  return [
    headline,
    `${model}, ${asked}: ${expected} is expected`,
    ...(change.contrary.length === 0
      ? [
          "no other transition was seen; a fault that comes and goes may have some between releases that were not judged",
        ]
      : [`one transition of several: the fault comes and goes, see ${change.contrary.map(nameOf).join(", ")}`]),
    "",
    ...describeParts(parts),
    "",
    ...[...judged, ...notJudged].toSorted(byDeployment).map(describeRelease),
    "",
    counted(restores, "restore"),
    ...notes.map((note) => `note: ${note}`),
  ].join("\n");
}

function byDeployment(a: ReportedRelease, b: ReportedRelease): number {
  return Number(a.deployment) - Number(b.deployment);
}

function describeRelease(release: BisectReport["judged"][number] | BisectReport["notJudged"][number]): string {
  if ("reason" in release) return `${nameOf(release)}: not judged, ${release.reason}`;
  return `${nameOf(release)}: ${release.faulty} of ${counted(release.asked, "answer")} not as expected`;
}

function describeParts(parts: readonly ReportedPart[]): string[] {
  const lines = parts.map((part) => {
    const what = partName(part);
    const change = `${part.from ?? "not there"} → ${part.to ?? "not there"}`;
    const needless = part.needed ? "" : "; may be needless, for the others could not be judged without it";
    return `  ${what}: ${change}, ${cameWith(part.releases)}${needless}`;
  });
  if (parts.length === 0) return [];
  if (parts.length === 1) return ["the part that makes the difference:", ...lines];
  const together = parts.every(({ needed }) => needed);
  return [together ? "only together, these parts make the difference:" : "these parts make the difference:", ...lines];
}

function cameWith(releases: readonly ReportedRelease[]): string {
  const [only, ...others] = releases;
  if (!only) return "release unknown";
  if (others.length > 0) return `with one of ${releases.map(nameOf).join(", ")}`;
  return commitText(only);
}

function commitText({ commit, dirtyCommit }: ReportedRelease): string {
  if (commit !== null) return `commit ${commit}`;
  return dirtyCommit === null
    ? "commit unknown: not deployed from a git repository"
    : `commit unknown: files differed from ${dirtyCommit}`;
}

/** The tag is the content: where settings alone differ, the deployment's number tells releases apart. */
function nameOf({ tag, deployment }: ReportedRelease): string {
  return `${tag} (deployment ${deployment})`;
}

const dirty = "-dirty";

/** A recorded commit, in its two kinds: `-dirty` ones name what files differed from. */
export function recordedCommit(commit: string | null): Pick<ReportedRelease, "commit" | "dirtyCommit"> {
  const isDirty = commit?.endsWith(dirty) ?? false;
  return { commit: isDirty ? null : commit, dirtyCommit: isDirty && commit ? commit.slice(0, -dirty.length) : null };
}
