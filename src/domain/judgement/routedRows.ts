import { coverage, silentSources, type TrafficSource } from "../traffic/coverage.ts";
import { type Latency, latencyBounds } from "../traffic/latency.ts";
import { judgedFailures, type TrafficPath, unclearOutcomes } from "../traffic/outcome.ts";
import type { Interval, Second } from "../traffic/seconds.ts";
import type { TrafficRow } from "../traffic/traffic.ts";
import type { TimedRequests } from "./latencyRatio.ts";
import type { JudgementRow, RoutedRow, SideCounts, SourceRow } from "./rows.ts";

/** Up to where the counts of requests are rows. */
export interface CountCursor {
  /** The first second that is not read. */
  readonly second: Second;
  /** Sources that the last row said are missing, in order of name. */
  readonly missing: readonly string[];
  /** The longest that an answer took so far, in seconds. */
  readonly longest: number;
}

/** A row of the counts, of one of the two versions. */
export interface CountedBin extends TrafficRow {
  readonly side: "new" | "old";
}

/** A change of the weight. Seconds since 1970, with their fraction. */
export interface WeightStep {
  /** Of the traffic, in the names of cookies. */
  readonly generation: number;
  /** Percent that the new version answers. */
  readonly weight: number;
  readonly at: number;
  /** When the gateway's object was written; undefined before that. */
  readonly appliedAt: number | undefined;
  /** Users keep their side while the weight stays. */
  readonly isSticky: boolean;
  /** By the hash of a header. @default by a cookie */
  readonly isHashed?: boolean | undefined;
}

export interface CountFacts {
  /** What was counted, and by whom, from the cursor up to `until`. */
  readonly until: Second;
  readonly bins: readonly CountedBin[];
  readonly sources: Readonly<Record<TrafficPath, readonly TrafficSource[]>>;
  /** Paths whose counts are judged. */
  readonly paths: readonly TrafficPath[];
  /**
   * While the new version answers all requests, those of apps are copied too: then its own are told beside their pairs. At other weights nothing of apps
   * counts. @default they count for the fixed limit alone
   */
  readonly copiesApps?: boolean | undefined;
  /** Names of what can never tell. @default everything can */
  readonly unable?: readonly string[] | undefined;
  /** In their order. */
  readonly steps: readonly WeightStep[];
  /** Pods of each version that are ready by now. @default nobody knows */
  readonly pods?: ReadyPods | undefined;
  readonly now: Second;
}

/** Pods of both versions that are ready. */
export type ReadyPods = Readonly<Record<CountedBin["side"], number>>;

/** A source may be late until others have told so many seconds more. A path that nobody tells of is missing after as many. */
export const patience = 30;
/** Gateways follow a new weight within a second, and durations are read every 5 s: until then, a request may be of either weight. */
export const leastSettling = 7;
/** Seconds of which pods are told that are counted a little later: counts arrive that late, and load is a mean of minutes. */
const podsHold = 60;
/** A stream of hours does not hold up its rollout for as long. */
const mostSettling = 900;

/** Counts as rows, in order of time, up to the first second that somebody may still tell of. The same facts give the same rows. */
export function countRows(
  cursor: CountCursor,
  facts: CountFacts,
): { readonly rows: readonly JudgementRow[]; readonly cursor: CountCursor } {
  const { bins, paths, now, unable = [], pods } = facts;
  const rows: JudgementRow[] = [];
  const told = paths.map((path) => toldOf(path, cursor.second, facts));
  const byStart = Map.groupBy(bins, ({ since }) => since);
  let { second, missing, longest } = cursor;
  const say = (names: readonly string[]): void => {
    rows.push(...changes(missing, names));
    missing = names;
  };
  for (; second < facts.until && second < now; second += 1) {
    const states = told.map(({ stateOf }) => stateOf(second));
    if (states.includes("open")) break;
    const silent = told.flatMap(({ silentAt }, place) => (states[place] === "missing" ? silentAt(second) : []));
    say([...new Set([...unable, ...silent])].sort());
    if (missing.length > 0) continue;
    let tellsPods = pods !== undefined && second >= now - podsHold;
    for (const path of paths) {
      const own = (byStart.get(second) ?? []).filter((bin) => bin.path === path);
      for (const [seconds, ofLength] of Map.groupBy(own, (bin) => bin.seconds)) {
        const drawn = weightIn({ since: second, until: second + seconds }, facts.steps, longest);
        if (path === "app" && facts.copiesApps && drawn !== 1) continue;
        // Apps are moved by organization: between these nothing is compared but pairs.
        const weight = path === "app" && !facts.copiesApps ? null : drawn;
        const row = routedRow(path, second, weight, ofLength);
        const told =
          pods && tellsPods && seconds === 1
            ? { ...row, new: { ...row.new, pods: pods.new }, old: { ...row.old, pods: pods.old } }
            : row;
        rows.push(told);
        // Once a second, however many paths its requests came by.
        if (told !== row) tellsPods = false;
        longest = Math.max(longest, longestOf(ofLength));
      }
    }
  }
  const stale = told.flatMap(({ silentAt, frontier = cursor.second }) =>
    Math.max(frontier, cursor.second) < now - patience ? silentAt(Math.max(second, frontier)) : [],
  );
  if (stale.length > 0) say([...new Set([...unable, ...stale])].sort());
  return { rows, cursor: { second, missing, longest } };
}

/** What is known of each second of one path. */
function toldOf(path: TrafficPath, since: Second, { sources, until }: CountFacts) {
  const own = sources[path];
  const { known } = coverage({ since, until }, own);
  const ends = own.flatMap(({ observed }) => observed.map((interval) => interval.until));
  const frontier = ends.length === 0 ? undefined : Math.max(...ends);
  const everybody = path === "route" ? "the gateway" : "the API service";
  return {
    /** Up to where anybody has told; undefined where nobody has. */
    frontier,
    stateOf(second: Second): "known" | "missing" | "open" {
      if (known.some((interval) => interval.since <= second && second < interval.until)) return "known";
      return frontier !== undefined && frontier > second + patience ? "missing" : "open";
    },
    silentAt(second: Second): string[] {
      const names = silentSources({ since: second, until: second + 1 }, own);
      return names.length > 0 ? names : [everybody];
    },
  };
}

function changes(before: readonly string[], after: readonly string[]): SourceRow[] {
  const row = (source: string, isMissing: boolean): SourceRow => ({ kind: "source", source, isMissing });
  return [
    ...before.filter((name) => !after.includes(name)).map((name) => row(name, false)),
    ...after.filter((name) => !before.includes(name)).map((name) => row(name, true)),
  ];
}

/**
 * Probability with which a request of these seconds went to the new version; null where nobody knows. From a change until the gateways
 * follow it, and until every request that began before is over, a request may be of the weight before. Of users that keep their side,
 * requests are not drawn by themselves.
 */
export function weightIn({ since, until }: Interval, steps: readonly WeightStep[], longest: number): number | null {
  const last = steps.filter(({ at }) => at - 1 < until).at(-1);
  if (!last || last.appliedAt === undefined) return null;
  const settling = Math.min(Math.max(leastSettling, longest + 2), mostSettling);
  if (since < last.appliedAt + settling) return null;
  const isDrawn = last.weight > 0 && last.weight < 100;
  return last.isSticky && isDrawn ? null : last.weight / 100;
}

function routedRow(path: TrafficPath, second: Second, weight: number | null, bins: readonly CountedBin[]): RoutedRow {
  const of = (side: CountedBin["side"]): SideCounts => {
    // One that answers all, or nothing, was sent copies at most, which are not answers.
    const isAsked = side === "new" ? weight !== 0 : weight !== 1;
    return isAsked ? sideOf(bins.filter((bin) => bin.side === side)) : { requests: 0, failed: 0, timed: [] };
  };
  return { kind: "routed", second, path, weight, new: of("new"), old: of("old") };
}

/** What was counted before answers of 4xx were told apart says nothing. */
function sideOf(bins: readonly CountedBin[]): SideCounts {
  let [requests, failed] = [0, 0];
  const timed: TimedRequests[] = [];
  for (const { outcome, count, latency } of bins) {
    if (outcome === "timed") timed.push(...timedOf(latency ?? []));
    else if (!unclearOutcomes.has(outcome)) {
      requests += count;
      if (judgedFailures.has(outcome)) failed += count;
    }
  }
  return { requests, failed, timed };
}

function timedOf(latency: Latency): TimedRequests[] {
  return [...latency.entries()]
    .filter(([, count]) => count > 0)
    .map(([place, count]) => ({
      atLeast: latencyBounds[place - 1] ?? 0,
      atMost: latencyBounds[place] ?? Number.POSITIVE_INFINITY,
      count,
    }));
}

function longestOf(bins: readonly CountedBin[]): number {
  const places = bins.flatMap(({ latency }) =>
    [...(latency ?? []).entries()].flatMap(([place, count]) => (count > 0 ? [place] : [])),
  );
  if (places.length === 0) return 0;
  return (latencyBounds[Math.max(...places)] ?? mostSettling * 1000) / 1000;
}
