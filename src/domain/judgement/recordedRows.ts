import { latencyOf } from "../recording/openRequests.ts";
import type { Second } from "../traffic/seconds.ts";
import type { OpenRequests, TimedRequests } from "./latencyRatio.ts";
import type { WeightStep } from "./routedRows.ts";
import type { RecordedRow, SideCounts } from "./rows.ts";

/** Requests of one version that one generation of the traffic drew, that were over in one second, and that were alike. */
export interface DrawnRequests {
  readonly second: Second;
  /** Of the traffic that drew them. */
  readonly generation: number;
  readonly side: "new" | "old";
  readonly failed: boolean;
  /** There was neither an answer nor a first token: it took at least as long. */
  readonly isCut: boolean;
  /** Of their durations, see {@link latencyOf}; null where these do not count. */
  readonly class: number | null;
  readonly requests: number;
}

/** What recorders tell besides requests that are over. */
export interface RecordersTold {
  /** Of the last generation, requests that are not over yet. */
  readonly open: Readonly<Record<"new" | "old", readonly OpenRequests[]>>;
  /** Requests whose records were lost since the judgement began. */
  readonly lost: number;
}

/**
 * Recorded requests as rows, both versions together, in order of time. The first row of the last generation has what recorders tell besides, which is a row
 * without a request too. Of generations before, durations say nothing any more: each weight begins latency again.
 *
 * @param told - undefined where it is as before
 * @param until - the second before which requests were over
 */
export function recordedRows(
  drawn: readonly DrawnRequests[],
  steps: readonly WeightStep[],
  told: RecordersTold | undefined,
  until: Second,
): RecordedRow[] {
  const weights = new Map(steps.map(({ generation, weight }) => [generation, weight / 100]));
  const last = steps.at(-1)?.generation ?? 0;
  const groups = [...Map.groupBy(drawn, ({ second, generation }) => `${second} ${generation}`).values()].flatMap(
    (own) => own.slice(0, 1).map(({ second, generation }) => ({ second, generation, own })),
  );
  if (told && !groups.some(({ generation }) => generation === last))
    groups.push({ second: until - 1, generation: last, own: [] });
  groups.sort((one, other) => one.second - other.second);
  const first = groups.findIndex(({ generation }) => generation === last);
  return groups.flatMap(({ second, generation, own }, place): RecordedRow[] => {
    const weight = weights.get(generation);
    if (weight === undefined || weight <= 0 || weight >= 1) return [];
    const of = (side: DrawnRequests["side"]) => sideOf(own, side, generation === last);
    return [{ kind: "recorded", second, weight, new: of("new"), old: of("old"), ...(place === first ? told : {}) }];
  });
}

function sideOf(all: readonly DrawnRequests[], side: DrawnRequests["side"], isTimed: boolean): SideCounts {
  const own = all.filter((each) => each.side === side);
  return {
    requests: sumOf(own),
    failed: sumOf(own.filter(({ failed }) => failed)),
    timed: isTimed ? own.flatMap(timedOf) : [],
  };
}

function timedOf({ class: power, isCut, requests }: DrawnRequests): TimedRequests[] {
  if (power === null) return [];
  const { atLeast, below } = latencyOf(power);
  return [{ atLeast, atMost: isCut ? Number.POSITIVE_INFINITY : below, count: requests }];
}

function sumOf(drawn: readonly DrawnRequests[]): number {
  return drawn.reduce((all, { requests }) => all + requests, 0);
}
