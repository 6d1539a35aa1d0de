import { type Coverage, coverage, coverageOfEnds, type TrafficSource } from "./coverage.ts";
import { addLatency, emptyLatency, type Latency, latencyQuantile } from "./latency.ts";
import { failedOutcomes, type Outcome, type TrafficPath } from "./outcome.ts";
import { type Interval, length, type Second } from "./seconds.ts";

/** Requests of one version that ended alike. */
export interface TrafficCount {
  readonly since: Second;
  /** 1, 60 or 3,600: how long they took to come. Old counts are kept by minute and hour. */
  readonly seconds: number;
  readonly outcome: Outcome;
  readonly count: number;
}

/** What was counted of one version on one path. */
export interface PathTraffic {
  readonly path: TrafficPath;
  /** What is missing there was not counted; it is not zero. */
  readonly coverage: Coverage;
  /** The same of the outcomes `broken` and `client_gone`: where these were not counted, answers are counted by the status in their head. */
  readonly ends: Coverage;
  /** In order of time; a second of {@link coverage} without a count had no request. */
  readonly counts: readonly TrafficCount[];
  /** Durations of the answers in the window. */
  readonly latency: Latency;
}

/** A row of the table, with its path; `latency` in rows that only tell durations. */
export interface TrafficRow {
  readonly path: TrafficPath;
  readonly since: Second;
  readonly seconds: number;
  readonly outcome: Outcome | "timed";
  readonly count: number;
  readonly latency: Latency | null;
}

/** What rows and sources tell of one path in a window. */
export function pathTraffic(
  path: TrafficPath,
  window: Interval,
  rows: readonly TrafficRow[],
  sources: readonly TrafficSource[],
): PathTraffic {
  const own = rows.filter((row) => row.path === path);
  return {
    path,
    coverage: coverage(window, sources),
    ends: coverageOfEnds(window, sources),
    counts: own
      .flatMap(({ since, seconds, outcome, count }) =>
        outcome === "timed" ? [] : [{ since, seconds, outcome, count }],
      )
      .sort((a, b) => a.since - b.since),
    latency: own.reduce<Latency>((sum, { latency }) => (latency ? addLatency(sum, latency) : sum), emptyLatency()),
  };
}

/** A window in figures. */
export interface TrafficSummary {
  /** Of the window, how much is known, in seconds. */
  readonly knownSeconds: number;
  readonly windowSeconds: number;
  /** Of {@link knownSeconds}, those in which `broken` and `client_gone` are known too; in the others they are missing, not zero. */
  readonly endsKnownSeconds: number;
  /** Requests that were counted, also in seconds that are not known whole: at least so many came. */
  readonly requests: number;
  readonly byOutcome: Readonly<Partial<Record<Outcome, number>>>;
  /** Of these, those in seconds that are known. */
  readonly inKnown: Readonly<Partial<Record<Outcome, number>>>;
  /** Requests per second over the seconds that are known; undefined where none is. */
  readonly perSecond: number | undefined;
  readonly errors: number;
  /** Failed of those that were answered or should have been, 0 to 1; undefined where there are none, or nothing is known. */
  readonly errorShare: number | undefined;
  /** Milliseconds; undefined where nothing was timed. */
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

/** Rates and shares come from known seconds alone, so that a window with gaps is neither thinned nor guessed. */
export function summarize({ coverage: { window, known }, ends, counts, latency }: PathTraffic): TrafficSummary {
  const knownSeconds = length(known);
  const byOutcome = totals(counts);
  const inKnown = totals(counts.filter((each) => known.some((interval) => covers(interval, each))));
  const inAll = sum(inKnown);
  const failed = failedOf(inKnown);
  const answered = inAll - (inKnown.client_gone ?? 0);
  return {
    knownSeconds,
    windowSeconds: window.until - window.since,
    endsKnownSeconds: length(ends.known),
    requests: sum(byOutcome),
    byOutcome,
    inKnown,
    perSecond: knownSeconds > 0 ? inAll / knownSeconds : undefined,
    errors: failed,
    errorShare: answered > 0 ? failed / answered : undefined,
    p50: latencyQuantile(latency, 0.5),
    p95: latencyQuantile(latency, 0.95),
    p99: latencyQuantile(latency, 0.99),
  };
}

function covers({ since, until }: Interval, { since: from, seconds }: TrafficCount): boolean {
  return from >= since && from + seconds <= until;
}

function totals(counts: readonly TrafficCount[]): Partial<Record<Outcome, number>> {
  const byOutcome: Partial<Record<Outcome, number>> = {};
  for (const { outcome, count } of counts) byOutcome[outcome] = (byOutcome[outcome] ?? 0) + count;
  return byOutcome;
}

function sum(byOutcome: Partial<Record<Outcome, number>>): number {
  return Object.values(byOutcome).reduce((total, count) => total + count, 0);
}

function failedOf(byOutcome: Partial<Record<Outcome, number>>): number {
  return [...failedOutcomes].reduce((total, outcome) => total + (byOutcome[outcome] ?? 0), 0);
}
