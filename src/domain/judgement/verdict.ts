import { count, percent } from "../shadow/readable.ts";
import { type CoinCounts, differenceBounds, type ErrorCounts, failureShares } from "./coin.ts";
import { coinOf, isCoinMetric, isEnough, limitedShare } from "./evidence.ts";
import type { OpenRequests } from "./latencyRatio.ts";
import type { JudgementRow, LimitRow, SideCounts } from "./rows.ts";
import {
  type JudgeSettings,
  type LatencyQuantile,
  latencyQuantiles,
  type Metric,
  metricsOf,
  riskShareOf,
} from "./settings.ts";
import { anytimeLowerBound, anytimeUpperBound, logEvidenceAbove, logEvidenceBelow, mostEvidence } from "./share.ts";
import type { Decision, Judgement, MetricVerdict, SideTotal, Verdict } from "./state.ts";

/** Above this share of both versions' requests, where no `maxErrors` is set, both are said to fail. */
const bothFailShare = 0.1;
const wrongShareRisk = 1e-4;
/** Requests per pod of one version by the other's, either way, up to which their latencies are compared. */
const loadRatioAtMost = 2;

/** The verdict where this row makes the new version bad; undefined where it does not. */
export function decideBad(judgement: Judgement, row: JudgementRow, settings: JudgeSettings): Verdict | undefined {
  if (judgement.missing.length > 0 || wrongShares(judgement).length > 0) return undefined;
  const touched = metricsOf(settings).filter((metric) => touches(row, metric));
  const bad = touched.filter((metric) => isBad(judgement, metric, settings));
  return bad.length === 0 ? undefined : verdictWith(judgement, settings, bad);
}

/**
 * A metric is judged at rows that may speak against the new version: it is not taken back in the moment in which only the old one
 * answered. Fewer looks than rows make no bound less valid.
 */
function touches(row: JudgementRow, metric: Metric): boolean {
  if (row.kind === "source" || row.kind === "limit") return false;
  if (row.kind === "users")
    return metric === (row.of === "first" ? "errors" : "users") && row.new.slice(1).some((users) => users > 0);
  if (metric === "users") return false;
  if (row.kind === "recorded")
    return metric === "streams" ? row.new.failed > 0 : metric in latencyQuantiles && isTimed(row.new, row.open?.new);
  if (metric === "streams") return false;
  if (metric === "mismatch") return row.kind === "pairs" && row.mismatches > 0;
  if (metric === "errors" || metric === "maxErrors")
    return row.kind === "pairs" ? row.newFailed > 0 : row.new.failed > 0;
  return row.kind === "pairs" ? row.newTimed.length > 0 : row.new.timed.length > 0;
}

function isTimed({ timed }: Pick<SideCounts, "timed">, open: readonly OpenRequests[] = []): boolean {
  return timed.length + open.length > 0;
}

/** A value that was above a limit of the stack's own for too long: bad, whatever the comparison says. */
export function verdictOfLimit(judgement: Judgement, { sentence }: LimitRow, settings: JudgeSettings): Verdict {
  return { ...verdictWith(judgement, settings, []), decision: "bad", because: [sentence] };
}

/**
 * What of a verdict is worth a new row: its decision and its reasons, without the numbers that change with every request. The same rows
 * give the same texts.
 */
export function gistOf(judgement: Judgement, settings: JudgeSettings): string {
  const { decided, missing, unknownLimits = {} } = judgement;
  if (decided) return "bad";
  const open = metricsOf(settings)
    .filter((metric) => !isGood(judgement, metric, settings))
    .filter((metric) => !isOutstanding(judgement, metric, settings));
  const held = [
    ...missing,
    ...Object.keys(unknownLimits).sort(),
    ...(wrongShares(judgement).length > 0 ? ["shares"] : []),
    ...(recordingGaps(judgement, settings).length > 0 ? ["recordings"] : []),
    ...(failAlike(judgement, settings) ? ["both fail"] : []),
    ...(loadOf(judgement) === "differs" ? ["load differs"] : []),
  ];
  return [...open, ...held].join("; ");
}

/** What all rows so far say; the verdict that stopped the rollout stays. */
export function verdictOf(judgement: Judgement, settings: JudgeSettings): Verdict {
  return judgement.decided ?? verdictWith(judgement, settings, []);
}

function verdictWith(judgement: Judgement, settings: JudgeSettings, areBad: readonly Metric[]): Verdict {
  const metrics = metricsOf(settings).map((metric): MetricVerdict => {
    const decision = areBad.includes(metric) ? "bad" : isGood(judgement, metric, settings) ? "good" : "undecided";
    return { metric, decision, sentence: sentenceOf(judgement, metric, settings, decision) };
  });
  const later = metricsOf(settings).filter(
    (metric) => metric !== "users" && metric !== "streams" && isOutstanding(judgement, metric, settings),
  );
  const notes = [
    ...(settings.control === 0 ? ["no control"] : []),
    ...(later.length > 0
      ? [
          `${later.map((metric) => (metric === "mismatch" ? "answers" : metric)).join(" and ")} are compared once the new version answers all requests`,
        ]
      : []),
    ...(tellsWholeStreams(judgement, settings) ? ["whole stream", "no warm-up"] : []),
    ...(loadOf(judgement) === "differs" && metrics.some(({ metric }) => metric in latencyQuantiles)
      ? ["load differs"]
      : []),
  ];
  const held = [
    ...judgement.missing.map((source) => `${source} does not report`),
    ...Object.values(judgement.unknownLimits ?? {}),
    ...wrongShares(judgement),
    ...recordingGaps(judgement, settings),
    ...(failAlike(judgement, settings) ? [`both versions fail: ${sides(judgement)}`] : []),
  ];
  const bad = metrics.filter(({ decision }) => decision === "bad");
  if (bad.length > 0) return { decision: "bad", because: bad.map(({ sentence }) => sentence), notes, metrics };
  const open = metrics
    .filter(({ decision, metric }) => decision === "undecided" && !isOutstanding(judgement, metric, settings))
    .map(({ sentence }) => sentence);
  const because = metrics.length === 0 ? ["no control, and no maxErrors: nothing is judged"] : [...held, ...open];
  return { decision: because.length === 0 ? "good" : "undecided", because, notes, metrics };
}

function isBad(judgement: Judgement, metric: Metric, settings: JudgeSettings): boolean {
  // Where the old version fails alike, a fixed limit says nothing about the new one.
  if (metric === "maxErrors" && failAlike(judgement, settings)) return false;
  if (metric in latencyQuantiles && loadOf(judgement) !== "alike") return false;
  if (isOfRecordings(metric) && recordingGaps(judgement, settings).length > 0) return false;
  return isEnough(judgement, metric, "bad", settings);
}

function isGood(judgement: Judgement, metric: Metric, settings: JudgeSettings): boolean {
  if (metric in latencyQuantiles && loadOf(judgement) === "unknown") return false;
  if (isOfRecordings(metric) && recordingGaps(judgement, settings).length > 0) return false;
  return seenOf(judgement, metric, settings) >= settings.minRequests && isEnough(judgement, metric, "good", settings);
}

/** Requests, or pairs, of the side that has fewer. */
function seenOf(judgement: Judgement, metric: Metric, settings: JudgeSettings): number {
  if (metric === "maxErrors" || metric === "mismatch") return limitedShare(judgement, metric, settings).trials;
  const seen = isCoinMetric(metric) ? comparedIn(coinOf(judgement, metric)) : timedRequests(judgement, metric);
  return Math.min(seen.new, seen.old);
}

/**
 * Weights at which the new version got another share of the requests than the router's coin can give, at one in ten thousand: counts are
 * lost on one side, or the router does something else. Then the one thing that the bounds rest on does not hold.
 */
function wrongShares({ errors: { routed }, users = [] }: Judgement): string[] {
  return unlikely([
    ...drawnBy(routed, "requests"),
    ...users.map(({ weight, new: fresh, old }) => ({ weight, ofNew: sum(fresh), ofOld: sum(old), what: "users" })),
  ]);
}

/**
 * Why nothing is known of what recorders store of requests that are drawn: records are lost, or those of one side are fewer than the coin can make them,
 * because they were not stored, or not in time. What the gateway counts is judged all the same.
 */
function recordingGaps(judgement: Judgement, { recorded: isRecorded }: JudgeSettings): string[] {
  if (!isRecorded || !isDrawn(judgement)) return [];
  const { recorded = [], lost = 0, latency } = judgement;
  const open = (side: "new" | "old", weight: number) =>
    latency.under === weight ? sum((latency.open?.[side] ?? []).map(({ count: requests }) => requests)) : 0;
  // One that is slower has as many, of which more are not over.
  const begun = drawnBy(recorded, "recorded requests").map(({ weight, ofNew, ofOld, what }) => {
    return { weight, ofNew: ofNew + open("new", weight), ofOld: ofOld + open("old", weight), what };
  });
  return [...(lost > 0 ? [`the recorders lost the records of ${count(lost)} requests`] : []), ...unlikely(begun)];
}

function isOfRecordings(metric: Metric): boolean {
  return metric === "streams" || metric in latencyQuantiles;
}

/** Durations are the gateway's. */
function tellsWholeStreams(judgement: Judgement, settings: JudgeSettings): boolean {
  const { recorded, users, control, maxLatencyRatio = {} } = settings;
  return !recorded && !users && control > 0 && isDrawn(judgement) && Object.keys(maxLatencyRatio).length > 0;
}

interface Drawn {
  readonly weight: number;
  readonly ofNew: number;
  readonly ofOld: number;
  readonly what: string;
}

function drawnBy(routed: readonly CoinCounts[], what: string): Drawn[] {
  return routed.map(({ weight, newFailed, newAnswered, oldFailed, oldAnswered }) => {
    return { weight, ofNew: newFailed + newAnswered, ofOld: oldFailed + oldAnswered, what };
  });
}

/** Shares that the coin cannot give, as sentences. */
function unlikely(drawn: readonly Drawn[]): string[] {
  return drawn.flatMap(({ weight, ofNew, ofOld, what }) => {
    const all = ofNew + ofOld;
    const enough = Math.log(2 / wrongShareRisk);
    if (all === 0 || mostEvidence(ofNew, all, weight) < enough) return [];
    if (logEvidenceAbove(ofNew, all, weight) < enough && logEvidenceBelow(ofNew, all, weight) < enough) return [];
    return [`the new version got ${count(ofNew)} of ${count(all)} ${what} at a weight of ${percent(weight)}`];
  });
}

function comparedIn({ routed, pairs, users = [] }: ErrorCounts): Readonly<Record<"new" | "old", number>> {
  const inPairs = pairs.newFailed + pairs.oldFailed + pairs.alike;
  return {
    new:
      inPairs +
      sum(routed.map(({ newFailed, newAnswered }) => newFailed + newAnswered)) +
      sum(users.flatMap((each) => each.new)),
    old:
      inPairs +
      sum(routed.map(({ oldFailed, oldAnswered }) => oldFailed + oldAnswered)) +
      sum(users.flatMap((each) => each.old)),
  };
}

/** Of users who count for two shares the parts make whole numbers again. */
function sum(counts: readonly number[]): number {
  return Math.round(counts.reduce((all, each) => all + each, 0));
}

function timedRequests({ latency: { counts } }: Judgement, quantile: LatencyQuantile) {
  return { new: sum(counts[quantile].fresh.surely), old: sum(counts[quantile].old.surely) };
}

/** Requests are drawn for one of both versions. */
function isDrawn({ weight }: Judgement): boolean {
  return weight !== null && weight > 0 && weight < 1;
}

/** Requests are copied at full weight, or before the first one: in between, a rollout may be good without a pair. */
function isComparedLater(judgement: Judgement): boolean {
  return judgement.mismatch.compared === 0 && isDrawn(judgement);
}

/**
 * Whether a metric is left for another weight: answers, and latencies of rollouts by user, are compared where one version answers everybody, and
 * users are counted where it does not.
 */
function isOutstanding(judgement: Judgement, metric: Metric, { users }: JudgeSettings): boolean {
  if (metric === "mismatch") return isComparedLater(judgement);
  if (metric === "users" || metric === "streams") return !isDrawn(judgement);
  return metric in latencyQuantiles && users === true && isDrawn(judgement);
}

/** How requests per pod compare. Where pods are not known, nobody knows whether a version is slower or only busier. */
function loadOf({ latency: { load } }: Judgement): "alike" | "differs" | "unknown" {
  if (load.new.podSeconds === 0 || load.old.podSeconds === 0) return "unknown";
  const [ofNew, ofOld] = [load.new.requests / load.new.podSeconds, load.old.requests / load.old.podSeconds];
  return Math.max(ofNew, ofOld) > loadRatioAtMost * Math.min(ofNew, ofOld) ? "differs" : "alike";
}

/** Both of them fail more than may be, so that more failures are not the new version's fault. */
export function failAlike({ total }: Pick<Judgement, "total">, settings: Pick<JudgeSettings, "maxErrors">): boolean {
  const limit = settings.maxErrors ?? bothFailShare;
  return total.new.failed > limit * total.new.requests && total.old.failed > limit * total.old.requests;
}

function sides({ total }: Judgement): string {
  return `errors ${ofAll(total.new)} against ${ofAll(total.old)}`;
}

/** Such as `errors in recordings 12 of 180 against 3 of 1,620`. */
function recordedSides({ recorded = [] }: Judgement): string {
  const of = (failed: "newFailed" | "oldFailed", answered: "newAnswered" | "oldAnswered") => {
    const failures = sum(recorded.map((counts) => counts[failed]));
    return ofAll({ failed: failures, requests: failures + sum(recorded.map((counts) => counts[answered])) });
  };
  return `errors in recordings ${of("newFailed", "newAnswered")} against ${of("oldFailed", "oldAnswered")}`;
}

/** Such as `of the requests of a user 12.5 % fail, by 40 users, against 0.2 %, by 360`. */
function usersIn(counts: ErrorCounts): string {
  const seen = comparedIn(counts);
  const mean = (side: "new" | "old") => {
    const failed = (counts.users ?? []).flatMap((each) =>
      each[side].map((users, place) => users * (failureShares[place] ?? 0)),
    );
    return percent(failed.reduce((all, each) => all + each, 0) / Math.max(1, seen[side]));
  };
  return `of the requests of a user ${mean("new")} fail, by ${count(seen.new)} users, against ${mean("old")}, by ${count(seen.old)}`;
}

function ofAll({ failed, requests }: SideTotal): string {
  return `${count(failed)} of ${count(requests)}`;
}

function sentenceOf(judgement: Judgement, metric: Metric, settings: JudgeSettings, decision: Decision): string {
  const splitRisk = judgement.risk * riskShareOf(metric, settings);
  const needed = `at least ${count(settings.minRequests)} are needed on each side before it is good`;
  if (isCoinMetric(metric)) {
    const counts = coinOf(judgement, metric);
    const { low, high } = differenceBounds(counts, decision === "bad" ? splitRisk : judgement.risk);
    const seen = comparedIn(counts);
    const bounds =
      decision === "bad"
        ? `at least ${points(Math.max(low, settings.maxErrorIncrease))} more`
        : `at most ${points(high)} more`;
    const few = decision !== "bad" && Math.min(seen.new, seen.old) < settings.minRequests ? `; ${needed}` : "";
    const of = { errors: sides, users: () => usersIn(counts), streams: recordedSides }[metric](judgement);
    return `${of}, ${bounds}, ${points(settings.maxErrorIncrease)} are allowed${few}`;
  }
  if (metric === "maxErrors" || metric === "mismatch") {
    const { hits, trials, limit } = limitedShare(judgement, metric, settings);
    const bound =
      decision === "bad"
        ? `at least ${percent(anytimeLowerBound(hits, trials, splitRisk))}`
        : `at most ${percent(anytimeUpperBound(hits, trials, judgement.risk))}`;
    const what = metric === "maxErrors" ? "requests of the new version fail" : "pairs differ";
    return `${count(hits)} of ${count(trials)} ${what}, ${bound}, ${percent(limit)} is allowed`;
  }
  const ratio = settings.maxLatencyRatio?.[metric] ?? 1;
  if (decision === "bad") return `${metric} is more than ${ratio} times the old version's`;
  if (decision === "good") return `${metric} is at most ${ratio} times the old version's`;
  const load = loadOf(judgement);
  if (load === "unknown") return `${metric}: the pods of both versions were not counted under this weight`;
  if (load === "differs") return `${metric}: load differs, requests per pod are over twice as many on one side`;
  const timed = timedRequests(judgement, metric);
  return `${metric} may be more or less than ${ratio} times the old version's, by ${count(timed.new)} and ${count(timed.old)} requests under this weight`;
}

function points(share: number): string {
  return `${(share * 100).toFixed(1)} points`;
}
