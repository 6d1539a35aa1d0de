import { beginJudgement, foldRow } from "../../../src/domain/judgement/judgement.ts";
import type { TimedRequests } from "../../../src/domain/judgement/latencyRatio.ts";
import type { JudgementRow, PairsRow, RoutedRow, SideCounts } from "../../../src/domain/judgement/rows.ts";
import type { JudgeSettings, Metric } from "../../../src/domain/judgement/settings.ts";
import type { Judgement } from "../../../src/domain/judgement/state.ts";
import { verdictOf } from "../../../src/domain/judgement/verdict.ts";
import { normal, randomOf } from "./random.ts";

/** All four metrics, which share the risk. */
export const foldSettings: JudgeSettings = {
  risk: 0.01,
  maxErrorIncrease: 0.01,
  maxMismatch: 0.02,
  maxLatencyRatio: { p50: 1.5, p95: 2 },
  minRequests: 100,
  control: 5,
};

export interface FoldScenario {
  readonly name: string;
  /** Share of the new version's requests that fail beyond the old one's. */
  readonly moreErrors?: number;
  /** Share of the pairs that differ. @default 0.005 */
  readonly mismatches?: number;
  /** By how much the new version takes longer. @default 1 */
  readonly times?: number;
  /** A third of both versions' requests fail now and then. @default false */
  readonly outages?: boolean;
}

export interface FoldResult {
  /** Metrics that were bad, in the row that decided; null for none. */
  readonly bad: readonly Metric[] | null;
  readonly good: boolean;
}

const usualPerRow = 20;
const until = 40_000;
/** Requests until which a weight holds; at 1 a share of the requests is mirrored. */
const steps: readonly (readonly [until: number, weight: number])[] = [
  [2_000, 0.01],
  [6_000, 0.1],
  [16_000, 0.5],
  [40_000, 1],
];
const base = 0.005;
/** Upper bounds of the classes of durations, as a histogram has them: a step of 1.1, from 10 ms on. */
const classes = Array.from({ length: 60 }, (_, place) => 10 * 1.1 ** place);

/**
 * Rows of a rollout: seconds of requests under 1, 10, 50 and 100 %, with a second of unknown weight where it changes, pairs at full weight, and
 * a source that falls silent now and then.
 *
 * @param perRow - a second's requests
 */
export function* rowsOfRollout(scenario: FoldScenario, seed: number, perRow = usualPerRow): Generator<JudgementRow> {
  const { moreErrors = 0, mismatches = 0.005, times = 1, outages = false } = scenario;
  const random = randomOf(seed);
  let before: number | undefined;
  let [outage, silent] = [0, 0];
  for (let at = 0, second = 0; at < until; at += perRow, second += perRow / usualPerRow) {
    const weight = steps.find(([end]) => at < end)?.[1] ?? 1;
    outage = outage > 0 ? outage - 1 : outages && random() < 0.005 ? Math.floor(random() * 60) : 0;
    const failing = outage > 0 ? 0.33 : base;
    const world = { second, perRow, fresh: failing + moreErrors, old: failing, times, mismatches };
    if (silent > 0) {
      silent -= 1;
      if (silent === 0) yield { kind: "source", source: "gateway", isMissing: false };
    } else if (random() < 0.002) {
      silent = 1 + Math.floor(random() * 20);
      yield { kind: "source", source: "gateway", isMissing: true };
    }
    const isChanging = before !== undefined && weight !== before;
    yield routedRow(random, world, weight, isChanging);
    before = weight;
    if (weight === 1 && !isChanging) yield pairsRow(random, world);
  }
}

/** A rollout through the judge's own fold, row by row. */
export function foldRollout(scenario: FoldScenario, seed: number, settings = foldSettings): FoldResult {
  let judgement = beginJudgement(settings.risk);
  for (const row of rowsOfRollout(scenario, seed)) {
    judgement = foldRow(judgement, row, settings);
    if (judgement.decided) return { bad: badMetrics(judgement), good: false };
  }
  return { bad: null, good: verdictOf(judgement, settings).decision === "good" };
}

function badMetrics({ decided }: Judgement): Metric[] {
  return (decided?.metrics ?? []).filter(({ decision }) => decision === "bad").map(({ metric }) => metric);
}

interface World {
  readonly second: number;
  /** Requests of a row. */
  readonly perRow: number;
  /** Probabilities that a request fails, for each side. */
  readonly fresh: number;
  readonly old: number;
  readonly times: number;
  readonly mismatches: number;
}

function routedRow(random: () => number, world: World, weight: number, isChanging: boolean): RoutedRow {
  const sides = { new: new Requests(), old: new Requests() };
  const { second, perRow } = world;
  for (let request = 0; request < perRow; request += 1) {
    const isNew = random() < weight;
    const side = isNew ? "new" : "old";
    sides[side].add(random() < (isNew ? world.fresh : world.old), durationOf(random, world, isNew));
  }
  // So many that each has as many requests.
  const pods = { new: weight === 1 ? 1 : weight, old: weight === 1 ? 1 / usualPerRow : 1 - weight };
  const counts = { new: { ...sides.new.counts(), pods: pods.new }, old: { ...sides.old.counts(), pods: pods.old } };
  return { kind: "routed", second, path: "route", weight: isChanging ? null : weight, ...counts };
}

/** One request of twenty. */
function pairsRow(random: () => number, world: World): PairsRow {
  const sides = { new: new Requests(), old: new Requests() };
  const counts = { newFailed: 0, oldFailed: 0, bothFailed: 0, neitherFailed: 0, compared: 0, mismatches: 0 };
  for (let pair = 0; pair < world.perRow / usualPerRow; pair += 1) {
    const [fresh, old] = [random() < world.fresh, random() < world.old];
    sides.new.add(fresh, durationOf(random, world, true));
    sides.old.add(old, durationOf(random, world, false));
    counts[fresh ? (old ? "bothFailed" : "newFailed") : old ? "oldFailed" : "neitherFailed"] += 1;
    if (fresh || old) continue;
    counts.compared += 1;
    if (random() < world.mismatches) counts.mismatches += 1;
  }
  const timed = { newTimed: sides.new.counts().timed, oldTimed: sides.old.counts().timed };
  return { kind: "pairs", second: world.second, ...counts, ...timed };
}

/** Lognormal, with a wave of the day that both versions have. */
function durationOf(random: () => number, { second, times }: World, isNew: boolean): number {
  return 100 * Math.exp(0.3 * Math.sin(second / 300) + 0.4 * normal(random)) * (isNew ? times : 1);
}

class Requests {
  #requests = 0;
  #failed = 0;
  readonly #classes = new Map<number, number>();

  add(hasFailed: boolean, milliseconds: number): void {
    this.#requests += 1;
    if (hasFailed) this.#failed += 1;
    const found = classes.findIndex((upTo) => milliseconds <= upTo);
    const place = found === -1 ? classes.length : found;
    this.#classes.set(place, (this.#classes.get(place) ?? 0) + 1);
  }

  counts(): SideCounts {
    const timed = [...this.#classes].map(
      ([place, count]): TimedRequests => ({
        atLeast: classes[place - 1] ?? 0,
        atMost: classes[place] ?? Number.POSITIVE_INFINITY,
        count,
      }),
    );
    return { requests: this.#requests, failed: this.#failed, timed };
  }
}
