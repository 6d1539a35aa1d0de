import type { DeclaredJudge } from "./declared.ts";
import type { LimitRow } from "./rows.ts";
import type { Judgement } from "./state.ts";

export type FixedLimit = DeclaredJudge["limits"][number];

/** Values of one series: seconds since 1970, and what it was then. */
export type Samples = readonly (readonly [at: number, value: number])[];

/** What was asked of Prometheus for a limit: the series that it has, or why it did not answer. */
export type LimitAnswer = { readonly series: readonly Samples[] } | { readonly failed: string };

/** The times that a limit is asked for: from `for` ago until now. Seconds. */
export interface LimitRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };
/** So many steps make a range, where it has as many seconds. */
const stepsOfRange = 20;

/** @param now - seconds since 1970 */
export function rangeOf({ for: length }: FixedLimit, now: number): LimitRange {
  const seconds = Number.parseInt(length, 10) * (unitSeconds[length.slice(-1)] ?? 1);
  const step = Math.max(1, Math.ceil(seconds / stepsOfRange));
  return { start: now - Math.ceil(seconds / step) * step, end: now, step };
}

/** What a limit says: above where every value of its time is, unknown where it has not one value now. */
export function limitRow(limit: FixedLimit, answer: LimitAnswer, { start, end, step }: LimitRange): LimitRow {
  const { query, max } = limit;
  const row = (state: LimitRow["state"], what: string): LimitRow => ({
    kind: "limit",
    query,
    state,
    sentence: `limit ${query} ${what} (a fixed limit, outside the risk)`,
  });
  if ("failed" in answer) return row("unknown", `is not known: ${answer.failed}`);
  const [only = [], ...others] = answer.series;
  if (others.length > 0) return row("unknown", `has ${answer.series.length} series, and one is judged`);
  const last = only.at(-1);
  if (!last || last[0] < end - step) return row("unknown", "has no value");
  if (only.some(([, value]) => Number.isNaN(value))) return row("unknown", "is not a number");
  const expected = Math.round((end - start) / step) + 1;
  const isAbove = only.length >= expected && only.every(([, value]) => value > max);
  const value = Number(last[1].toPrecision(4));
  return isAbove ? row("above", `was above ${max} for ${limit.for}, and is ${value}`) : row("within", `is ${value}`);
}

/** Those of the rows that say something new. */
export function newLimitRows(rows: readonly LimitRow[], { unknownLimits = {} }: Judgement): LimitRow[] {
  return rows.filter(({ query, state, sentence }) => {
    if (state === "above") return true;
    return state === "unknown" ? unknownLimits[query] !== sentence : query in unknownLimits;
  });
}
