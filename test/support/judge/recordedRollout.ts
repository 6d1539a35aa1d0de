import { beginJudgement, foldRow } from "../../../src/domain/judgement/judgement.ts";
import { type DrawnRequests, recordedRows } from "../../../src/domain/judgement/recordedRows.ts";
import type { JudgeSettings, Metric } from "../../../src/domain/judgement/settings.ts";
import { gistOf, verdictOf } from "../../../src/domain/judgement/verdict.ts";
import { latencyClass, latencyOf, openEvery } from "../../../src/domain/recording/openRequests.ts";
import { normal, randomOf } from "./random.ts";

/** Requests that the coin draws, as recorders tell of them: those that are over, and what is open, every five seconds. */
export interface RecordedScenario {
  readonly name: string;
  /** By how much the new version takes longer. @default 1 */
  readonly times?: number;
  /** Share of the new version's requests that never end, until their time is up. @default 0 */
  readonly hanging?: number;
  /** Share of the new version's streams that end in an error, beyond the old one's. @default 0 */
  readonly moreErrors?: number;
  /** Now and then everything takes ten times as long, and a third of the streams end in an error. @default false */
  readonly outages?: boolean;
}

export interface RecordedResult {
  /** Metrics that were bad, and after how many seconds; null for none. */
  readonly bad: { readonly metrics: readonly Metric[]; readonly after: number } | null;
  /** Some verdict said that records are missing. */
  readonly gaps: boolean;
  readonly good: boolean;
}

export const recordedSettings: JudgeSettings = {
  risk: 0.01,
  maxErrorIncrease: 0.01,
  maxLatencyRatio: { p50: 1.5, p95: 2 },
  recorded: true,
  minRequests: 100,
  control: 5,
};

const weight = 0.5;
const perSecond = 10;
const timeUp = 60_000;
const base = 0.005;
const steps = [{ generation: 1, weight: weight * 100, at: 0, appliedAt: 0, isSticky: false }];

interface Request {
  readonly side: "new" | "old";
  /** Milliseconds from the beginning. */
  readonly begun: number;
  readonly took: number;
  readonly failed: boolean;
}

/** So many seconds of requests, ten a second, of some seconds each. */
export function recordedRollout(scenario: RecordedScenario, seed: number, seconds = 900): RecordedResult {
  const requests = requestsOf(scenario, randomOf(seed), seconds);
  let judgement = beginJudgement(recordedSettings.risk);
  let gaps = false;
  for (let until = openEvery; until <= seconds; until += openEvery) {
    const over = requests.filter(({ begun, took }) => isIn(begun + took, until - openEvery, until));
    const open = requests.filter(({ begun, took }) => begun < until * 1000 && begun + took >= until * 1000);
    const begun = requests.filter((request) => isIn(request.begun, until - openEvery, until));
    const counted = (side: "new" | "old") => {
      const count = begun.filter((request) => request.side === side).length;
      return { requests: count, failed: 0, timed: [], pods: openEvery };
    };
    const rows = [
      {
        kind: "routed" as const,
        second: until,
        path: "route" as const,
        weight,
        new: counted("new"),
        old: counted("old"),
      },
      ...recordedRows(over.map(drawnOf), steps, { open: openOf(open, until), lost: 0 }, until),
    ];
    for (const row of rows) {
      judgement = foldRow(judgement, row, recordedSettings);
      const { decided } = judgement;
      if (!decided) continue;
      const metrics = decided.metrics.filter(({ decision }) => decision === "bad").map(({ metric }) => metric);
      return { bad: { metrics, after: until }, gaps, good: false };
    }
    gaps ||= gistOf(judgement, recordedSettings).includes("recordings");
  }
  return { bad: null, gaps, good: verdictOf(judgement, recordedSettings).decision === "good" };
}

function requestsOf(scenario: RecordedScenario, random: () => number, seconds: number): Request[] {
  const { times = 1, hanging = 0, moreErrors = 0, outages = false } = scenario;
  let outage = 0;
  return Array.from({ length: seconds * perSecond }, (_, place): Request => {
    if (place % perSecond === 0) outage = outage > 0 ? outage - 1 : outages && random() < 0.005 ? 30 : 0;
    const side = random() < weight ? "new" : "old";
    const isNew = side === "new";
    const slower = (outage > 0 ? 10 : 1) * (isNew ? times : 1);
    const hangs = isNew && random() < hanging;
    const took = hangs ? timeUp : Math.min(timeUp, 2_000 * Math.exp(0.7 * normal(random)) * slower);
    const failing = (outage > 0 ? 0.33 : base) + (isNew ? moreErrors : 0);
    return { side, begun: (place * 1000) / perSecond, took, failed: took >= timeUp || random() < failing };
  });
}

function drawnOf({ side, begun, took, failed }: Request): DrawnRequests {
  const second = Math.floor((begun + took) / 1000);
  return { second, generation: 1, side, failed, isCut: took >= timeUp, class: latencyClass(took), requests: 1 };
}

function openOf(open: readonly Request[], until: number) {
  const of = (side: "new" | "old") =>
    open
      .filter((request) => request.side === side)
      .map(({ begun }) => ({ atLeast: latencyOf(latencyClass(until * 1000 - begun)).atLeast, count: 1 }));
  return { new: of("new"), old: of("old") };
}

function isIn(milliseconds: number, since: number, until: number): boolean {
  return milliseconds >= since * 1000 && milliseconds < until * 1000;
}
