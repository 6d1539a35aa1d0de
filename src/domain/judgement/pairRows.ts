import { operationNamed } from "../protocols/operations.ts";
import { judgePair } from "../shadow/judgement.ts";
import type { RecordedAnswer, RecordedPair } from "../shadow/recorded.ts";
import { type ComparisonRules, compileRules } from "../shadow/rules.ts";
import type { Interval, Second } from "../traffic/seconds.ts";
import type { TimedRequests } from "./latencyRatio.ts";
import { type WeightStep, weightIn } from "./routedRows.ts";
import { isFailure, type PairsRow } from "./rows.ts";

/**
 * Recorded pairs, with the old version's answer as `primary`, as rows: one for each second of requests, in their order. A pair that its client
 * left, or whose copy was given up, says nothing. Answers are compared where neither failed.
 *
 * @param warm - requests that began then have no durations: a pod had just become ready
 */
export function pairRows(
  pairs: readonly RecordedPair[],
  rules: ComparisonRules,
  steps: readonly WeightStep[],
  longest: number,
  warm: readonly Interval[] = [],
): PairsRow[] {
  const bySecond = Map.groupBy(pairs.filter(isWhole), ({ at }) => Math.floor(at / 1000));
  return [...bySecond]
    .sort(([one], [other]) => one - other)
    .map(([second, own]) => {
      const weight = weightIn({ since: second, until: second + 1 }, steps, longest);
      return rowOf(own, { kind: "pairs", second, weight }, rules, isIn(second, warm));
    });
}

function isIn(second: Second, intervals: readonly Interval[]): boolean {
  return intervals.some(({ since, until }) => second >= since && second < until);
}

function isWhole({ primary, shadow }: RecordedPair): boolean {
  return primary.failure !== "client_gone" && shadow.failure !== "client_gone";
}

function rowOf(
  pairs: readonly RecordedPair[],
  of: Pick<PairsRow, "kind" | "second" | "weight">,
  rules: ComparisonRules,
  isWarming: boolean,
): PairsRow {
  const counts = { newFailed: 0, oldFailed: 0, bothFailed: 0, neitherFailed: 0, compared: 0, mismatches: 0 };
  const timed = { new: [] as TimedRequests[], old: [] as TimedRequests[] };
  for (const pair of pairs) {
    const [oldFailed, newFailed] = [hasFailed(pair.primary), hasFailed(pair.shadow)];
    counts[oldFailed ? (newFailed ? "bothFailed" : "oldFailed") : newFailed ? "newFailed" : "neitherFailed"] += 1;
    // How soon a version fails is not how long it takes to answer.
    if (oldFailed || newFailed) continue;
    const [old, fresh] = [durationOf(pair.primary), durationOf(pair.shadow)];
    if (!isWarming && old !== undefined && fresh !== undefined) {
      timed.old.push({ atLeast: old, atMost: old, count: 1 });
      timed.new.push({ atLeast: fresh, atMost: fresh, count: 1 });
    }
    const differs = differsIn(pair, rules);
    if (differs === undefined) continue;
    counts.compared += 1;
    if (differs) counts.mismatches += 1;
  }
  return { ...of, ...counts, newTimed: timed.new, oldTimed: timed.old };
}

function hasFailed({ status, failure }: RecordedAnswer): boolean {
  return failure !== null || status === null || isFailure(status);
}

/** Of streams, until the model said something. */
function durationOf({ firstTokenMs, latencyMs }: RecordedAnswer): number | undefined {
  return firstTokenMs ?? latencyMs ?? undefined;
}

/** Undefined where nobody can say: an answer that is not kept whole, or one that its request leaves to chance. */
function differsIn(pair: RecordedPair, rules: ComparisonRules): boolean | undefined {
  if (pair.isSampled) return undefined;
  const { operation = null } = pair;
  const judged = judgePair(pair, compileRules(rules, operation === null ? undefined : operationNamed(operation)));
  return "notJudged" in judged ? undefined : judged.differences.length > 0;
}
