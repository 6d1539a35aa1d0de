import type { CoinCounts, UserCounts, UserShares } from "./coin.ts";
import { addTimed, emptyLatencyCounts, type OpenRequests, type TimedRequests } from "./latencyRatio.ts";
import type { JudgementRow, LimitRow, PairsRow, RecordedRow, RoutedRow, SideCounts, UsersRow } from "./rows.ts";
import { type JudgeSettings, type LatencyQuantile, latencyQuantiles } from "./settings.ts";
import type { Judgement, LatencySegment, SideTotal } from "./state.ts";
import { decideBad, verdictOfLimit } from "./verdict.ts";

const nothing: SideTotal = { requests: 0, failed: 0 };

/**
 * Begins a judgement with half of the risk that is left: of the whole at first, of the rest after an edited judge or a resume. So all of
 * a rollout's judgements together stay within `risk`, however many there are.
 */
export function beginJudgement(risk: number, before?: Pick<Judgement, "riskLeft">): Judgement {
  const left = before?.riskLeft ?? risk;
  return {
    risk: left / 2,
    riskLeft: left / 2,
    errors: { routed: [], pairs: { newFailed: 0, oldFailed: 0, alike: 0 } },
    total: { new: nothing, old: nothing },
    mismatch: { compared: 0, mismatches: 0 },
    latency: segment(null, 0),
    weight: null,
    missing: [],
    decided: null,
    afterDecision: { new: nothing, old: nothing },
  };
}

function segment(under: LatencySegment["under"], number: number): LatencySegment {
  const none = { requests: 0, podSeconds: 0 };
  return {
    under,
    number,
    counts: { p50: emptyLatencyCounts(), p95: emptyLatencyCounts() },
    load: { new: none, old: none },
  };
}

/** One more row. Once decided, rows only add to `afterDecision`. */
export function foldRow(judgement: Judgement, row: JudgementRow, settings: JudgeSettings): Judgement {
  if (row.kind === "source") return { ...judgement, missing: sources(judgement.missing, row.source, row.isMissing) };
  if (row.kind === "limit") return foldLimit(judgement, row, settings);
  if (judgement.decided) {
    // They are counted at the gateway.
    if (row.kind === "users" || row.kind === "recorded") return judgement;
    return { ...judgement, afterDecision: addTotals(judgement.afterDecision, row) };
  }
  const next = foldCounted(judgement, row, settings);
  const decided = decideBad(next, row, settings);
  return { ...next, decided: decided ?? null };
}

function foldCounted(
  judgement: Judgement,
  row: RoutedRow | UsersRow | RecordedRow | PairsRow,
  settings: JudgeSettings,
): Judgement {
  if (row.kind === "routed") return foldRouted(judgement, row, settings);
  if (row.kind === "recorded") return foldRecorded(judgement, row, settings);
  return row.kind === "pairs" ? foldPairs(judgement, row, settings) : foldUsers(judgement, row);
}

function foldLimit(judgement: Judgement, row: LimitRow, settings: JudgeSettings): Judgement {
  if (judgement.decided) return judgement;
  const { [row.query]: _, ...others } = judgement.unknownLimits ?? {};
  const unknownLimits = row.state === "unknown" ? { ...others, [row.query]: row.sentence } : others;
  const next = { ...judgement, unknownLimits };
  return row.state === "above" ? { ...next, decided: verdictOfLimit(next, row, settings) } : next;
}

function sources(missing: readonly string[], source: string, isMissing: boolean): readonly string[] {
  const others = missing.filter((name) => name !== source);
  return isMissing ? [...others, source].sort() : others;
}

function foldRouted(judgement: Judgement, row: RoutedRow, settings: JudgeSettings): Judgement {
  const total = addTotals(judgement.total, row);
  // Neither side's share is known: such requests count for the fixed limit alone.
  if (row.weight === null) return { ...judgement, total };
  const isCoin = row.weight > 0 && row.weight < 1;
  let latency = under(judgement.latency, isCoin ? row.weight : "pairs");
  latency = { ...latency, load: { new: loaded(latency.load.new, row.new), old: loaded(latency.load.old, row.old) } };
  if (isCoin && !settings.recorded) latency = timed(latency, row.new.timed, row.old.timed, settings);
  return {
    ...judgement,
    total,
    weight: row.weight,
    latency,
    errors: isCoin
      ? {
          ...judgement.errors,
          routed: thrown(judgement.errors.routed, row.weight, outcomesOf(row.new), outcomesOf(row.old)),
        }
      : judgement.errors,
  };
}

function foldRecorded(judgement: Judgement, row: RecordedRow, settings: JudgeSettings): Judgement {
  const { latency, recorded = [], lost } = judgement;
  return {
    ...judgement,
    recorded: thrown(recorded, row.weight, outcomesOf(row.new), outcomesOf(row.old)),
    lost: row.lost ?? lost,
    // Recorders tell later than gateways, by which a weight begins: of the one before nothing is added any more.
    latency: latency.under === row.weight ? reopened(latency, row, settings) : latency,
  };
}

/** What is over, and what is not over yet in place of what was not at the row before. */
function reopened(latency: LatencySegment, row: RecordedRow, settings: JudgeSettings): LatencySegment {
  const { open: before = { new: [], old: [] }, ...segment } = latency;
  const { new: fresh, old, open = before } = row;
  const unfinished = (all: readonly OpenRequests[], sign: 1 | -1) =>
    all.map(({ atLeast, count }) => ({ atLeast, atMost: Number.POSITIVE_INFINITY, count: sign * count }));
  const next = timed(
    segment,
    [...fresh.timed, ...unfinished(before.new, -1), ...unfinished(open.new, 1)],
    [...old.timed, ...unfinished(before.old, -1), ...unfinished(open.old, 1)],
    settings,
  );
  return open.new.length + open.old.length === 0 ? next : { ...next, open };
}

function foldUsers(judgement: Judgement, row: UsersRow): Judgement {
  const { weight } = row;
  // They were drawn ten minutes ago: the weight may be another one by now.
  if (row.of === "whole") return { ...judgement, users: joined(judgement.users ?? [], row) };
  const { errors } = judgement;
  // Of the first request, the share is 0 or 1.
  const outcomes = ([answered = 0, ...others]: UserShares) => ({ answered, failed: others.at(-1) ?? 0 });
  const routed = thrown(errors.routed, weight, outcomes(row.new), outcomes(row.old));
  return { ...judgement, weight, errors: { ...errors, routed } };
}

function joined(users: readonly UserCounts[], { weight, new: fresh, old }: UsersRow): readonly UserCounts[] {
  const before = users.find((counts) => counts.weight === weight);
  if (!before) return [...users, { weight, new: fresh, old }];
  const plus = (one: UserShares, other: UserShares) => one.map((count, place) => count + (other[place] ?? 0));
  const after = { weight, new: plus(before.new, fresh), old: plus(before.old, old) };
  return users.map((counts) => (counts === before ? after : counts));
}

interface Outcomes {
  readonly failed: number;
  readonly answered: number;
}

function outcomesOf({ requests, failed }: SideCounts): Outcomes {
  return { failed, answered: requests - failed };
}

function thrown(routed: readonly CoinCounts[], weight: number, fresh: Outcomes, old: Outcomes): readonly CoinCounts[] {
  const before = routed.find((counts) => counts.weight === weight);
  const after: CoinCounts = {
    weight,
    newFailed: (before?.newFailed ?? 0) + fresh.failed,
    newAnswered: (before?.newAnswered ?? 0) + fresh.answered,
    oldFailed: (before?.oldFailed ?? 0) + old.failed,
    oldAnswered: (before?.oldAnswered ?? 0) + old.answered,
  };
  return before ? routed.map((counts) => (counts === before ? after : counts)) : [...routed, after];
}

function foldPairs(judgement: Judgement, row: PairsRow, settings: JudgeSettings): Judgement {
  const { pairs } = judgement.errors;
  const weight = row.weight === undefined ? judgement.weight : row.weight;
  // Under a coin the pairs' requests are answers of one side that the coin has counted: only their differences add something.
  const isAlone = weight === null ? row.weight === undefined : weight <= 0 || weight >= 1;
  const latency = isAlone
    ? timed(mirrored(under(judgement.latency, "pairs"), weight, row), row.newTimed, row.oldTimed, settings)
    : judgement.latency;
  return {
    ...judgement,
    latency,
    errors: isAlone
      ? {
          ...judgement.errors,
          pairs: {
            newFailed: pairs.newFailed + row.newFailed,
            oldFailed: pairs.oldFailed + row.oldFailed,
            alike: pairs.alike + row.bothFailed + row.neitherFailed,
          },
        }
      : judgement.errors,
    total: isAlone ? addTotals(judgement.total, row, weight) : judgement.total,
    mismatch: {
      compared: judgement.mismatch.compared + row.compared,
      mismatches: judgement.mismatch.mismatches + row.mismatches,
    },
  };
}

function pairsOf(row: PairsRow): number {
  return row.newFailed + row.oldFailed + row.bothFailed + row.neitherFailed;
}

/** The side whose requests the router's counts do not hold, because it only gets copies. */
function mirroredSide(weight: number | null): "new" | "old" {
  return weight !== null && weight >= 1 ? "old" : "new";
}

function addTotals(
  before: Judgement["total"],
  row: RoutedRow | PairsRow,
  weight: number | null = null,
): Judgement["total"] {
  const plus = (side: SideTotal, requests: number, failed: number): SideTotal => ({
    requests: side.requests + requests,
    failed: side.failed + failed,
  });
  if (row.kind === "routed") {
    return {
      new: plus(before.new, row.new.requests, row.new.failed),
      old: plus(before.old, row.old.requests, row.old.failed),
    };
  }
  const side = mirroredSide(weight);
  const failed = row.bothFailed + (side === "new" ? row.newFailed : row.oldFailed);
  return { ...before, [side]: plus(before[side], pairsOf(row), failed) };
}

function under(latency: LatencySegment, key: number | "pairs"): LatencySegment {
  return latency.under === key ? latency : segment(key, latency.number + 1);
}

function loaded(load: LatencySegment["load"]["new"], { requests, pods }: SideCounts): LatencySegment["load"]["new"] {
  return pods === undefined ? load : { requests: load.requests + requests, podSeconds: load.podSeconds + pods };
}

function mirrored(latency: LatencySegment, weight: number | null, row: PairsRow): LatencySegment {
  const side = mirroredSide(weight);
  const load = latency.load[side];
  return { ...latency, load: { ...latency.load, [side]: { ...load, requests: load.requests + pairsOf(row) } } };
}

function timed(
  latency: LatencySegment,
  fresh: readonly TimedRequests[],
  old: readonly TimedRequests[],
  { maxLatencyRatio = {} }: JudgeSettings,
): LatencySegment {
  if (fresh.length === 0 && old.length === 0) return latency;
  const counts = { ...latency.counts };
  for (const quantile of Object.keys(latencyQuantiles) as LatencyQuantile[]) {
    const ratio = maxLatencyRatio[quantile];
    if (ratio === undefined) continue;
    const before = counts[quantile];
    counts[quantile] = { fresh: addTimed(before.fresh, fresh, ratio), old: addTimed(before.old, old, 1) };
  }
  return { ...latency, counts };
}
