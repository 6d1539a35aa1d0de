import { describe, expect, test } from "vitest";
import { beginJudgement, foldRow } from "../../../../src/domain/judgement/judgement.ts";
import { limitRow, newLimitRows, rangeOf, type Samples } from "../../../../src/domain/judgement/limits.ts";
import type { JudgeSettings } from "../../../../src/domain/judgement/settings.ts";
import { gistOf, verdictOf } from "../../../../src/domain/judgement/verdict.ts";

const limit = { query: "queue", max: 3, for: "5m" };
const range = rangeOf(limit, 1_000);
const settings: JudgeSettings = { risk: 0.01, maxErrorIncrease: 0.01, minRequests: 100, control: 5 };

/** The same value at all times of the range, but for those that `at` changes. */
function values(value: number, at: (place: number) => number | undefined = () => value): Samples {
  return Array.from({ length: 21 }, (_, place) => [700 + 15 * place, at(place)] as const).filter(
    (sample): sample is [number, number] => sample[1] !== undefined,
  );
}

test("a range ends now and holds the whole time", () => {
  expect(range).toEqual({ start: 700, end: 1_000, step: 15 });
  expect(rangeOf({ ...limit, for: "7s" }, 1_000)).toEqual({ start: 993, end: 1_000, step: 1 });
  expect(rangeOf({ ...limit, for: "1h" }, 7_200)).toEqual({ start: 3_600, end: 7_200, step: 180 });
});

describe("a limit", () => {
  test.each<[string, Samples[], string, string]>([
    ["above all the time", [values(5.25)], "above", "was above 3 for 5m, and is 5.25"],
    ["infinite all the time", [values(Number.POSITIVE_INFINITY)], "above", "was above 3 for 5m, and is Infinity"],
    ["at the limit", [values(3)], "within", "is 3"],
    ["above since a moment ago", [values(5, (place) => (place < 4 ? 1 : 5))], "within", "is 5"],
    ["above with a gap", [values(5, (place) => (place === 7 ? undefined : 5))], "within", "is 5"],
    ["not a number", [values(5, (place) => (place === 7 ? Number.NaN : 5))], "unknown", "is not a number"],
    ["nothing", [], "unknown", "has no value"],
    ["nothing any more", [values(5, (place) => (place > 18 ? undefined : 5))], "unknown", "has no value"],
    ["several series", [values(5), values(6)], "unknown", "has 2 series, and one is judged"],
  ])("that is %s", (_what, series, state, sentence) => {
    expect(limitRow(limit, { series }, range)).toEqual({
      kind: "limit",
      query: "queue",
      state,
      sentence: `limit queue ${sentence} (a fixed limit, outside the risk)`,
    });
  });

  test("that Prometheus does not tell is unknown, with the reason, and holds what is good", () => {
    const row = limitRow(limit, { failed: "Prometheus answers 503" }, range);
    const judgement = foldRow(beginJudgement(0.01), row, settings);
    expect(verdictOf(judgement, settings).because).toContain(
      "limit queue is not known: Prometheus answers 503 (a fixed limit, outside the risk)",
    );
    expect(newLimitRows([row], judgement)).toEqual([]);
    const within = limitRow(limit, { series: [values(1)] }, range);
    expect(newLimitRows([within], judgement)).toEqual([within]);
    const known = foldRow(judgement, within, settings);
    expect(gistOf(known, settings)).toBe(gistOf(beginJudgement(0.01), settings));
    expect(newLimitRows([within], known)).toEqual([]);
  });

  test("above for its time is bad, whatever the comparison says, and stays", () => {
    const row = limitRow(limit, { series: [values(9)] }, range);
    const judgement = foldRow(beginJudgement(0.01), row, settings);
    expect(verdictOf(judgement, settings)).toMatchObject({ decision: "bad", because: [row.sentence] });
    expect(foldRow(judgement, { ...row, state: "within" }, settings).decided).toEqual(judgement.decided);
  });
});
