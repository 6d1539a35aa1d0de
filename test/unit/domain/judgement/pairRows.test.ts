import { describe, expect, test } from "vitest";
import { pairRows } from "../../../../src/domain/judgement/pairRows.ts";
import type { WeightStep } from "../../../../src/domain/judgement/routedRows.ts";
import type { RecordedAnswer, RecordedPair } from "../../../../src/domain/shadow/recorded.ts";

const all: WeightStep = { generation: 1, weight: 100, at: 0, appliedAt: 1, isSticky: false };

function answer(status: number | null, more: Partial<RecordedAnswer> = {}): RecordedAnswer {
  return { status, failure: null, latencyMs: 20, body: { json: { class: 1 } }, ...more };
}

function pair(old: RecordedAnswer, fresh: RecordedAnswer, more: Partial<RecordedPair> = {}): RecordedPair {
  return { requestId: "r", at: 100_500, primary: old, shadow: fresh, sameBody: false, operation: "predict", ...more };
}

const rows = (...pairs: readonly RecordedPair[]) => pairRows(pairs, {}, [all], 0);

describe("recorded pairs", () => {
  test("are a row a second, with the weight of their requests", () => {
    expect(rows(pair(answer(200), answer(200), { at: 101_000 }), pair(answer(200), answer(200)))).toMatchObject([
      { kind: "pairs", second: 100, weight: 1, neitherFailed: 1, compared: 1, mismatches: 0 },
      { second: 101 },
    ]);
    expect(pairRows([pair(answer(200), answer(200))], {}, [{ ...all, appliedAt: 99 }], 0)[0]?.weight).toBeNull();
  });

  test("tell which side failed; a denied client is nobody's failure, a refused body the version's", () => {
    expect(
      rows(
        pair(answer(200), answer(500)),
        pair(answer(400), answer(200)),
        pair(answer(503), answer(null, { failure: "predictor_timeout" })),
        pair(answer(403), answer(403)),
        pair(answer(200), answer(200, { failure: "failed" })),
      )[0],
    ).toMatchObject({ newFailed: 2, oldFailed: 1, bothFailed: 1, neitherFailed: 1, compared: 1 });
  });

  test("are compared by the rules, where neither failed and the request leaves nothing to chance", () => {
    const other = answer(200, { body: { json: { class: 2, took_ms: 3 } } });
    const row = (rules: object, more: Partial<RecordedPair> = {}) =>
      pairRows([pair(answer(200), other, more)], rules, [all], 0)[0];
    expect(row({})).toMatchObject({ compared: 1, mismatches: 1 });
    expect(row({ ignore: ["class", "took_ms"] })).toMatchObject({ compared: 1, mismatches: 0 });
    expect(row({}, { isSampled: true })).toMatchObject({ neitherFailed: 1, compared: 0 });
    const cut = answer(200, { body: { unjudgeable: "too_long" } });
    expect(rows(pair(answer(200), cut))[0]).toMatchObject({ neitherFailed: 1, compared: 0, mismatches: 0 });
    expect(rows(pair(answer(200), answer(404)))[0]).toMatchObject({ compared: 1, mismatches: 1 });
  });

  test("that a client left, or whose copy was given up, say nothing", () => {
    const left = answer(null, { failure: "client_gone" });
    expect(rows(pair(left, answer(200)), pair(answer(200), left))).toEqual([]);
  });

  test("have no durations where they began while a pod warmed up, and are compared all the same", () => {
    const warm = [{ since: 90, until: 101 }];
    const both = [pair(answer(200), answer(200)), pair(answer(200), answer(200), { at: 101_000 })];
    expect(pairRows(both, {}, [all], 0, warm)).toMatchObject([
      { neitherFailed: 1, compared: 1, newTimed: [], oldTimed: [] },
      { compared: 1, newTimed: [{ atLeast: 20 }] },
    ]);
  });

  test("tell durations of whole answers, of streams until the first token", () => {
    const stream = answer(200, { latencyMs: 900, firstTokenMs: 30 });
    expect(rows(pair(answer(200), stream), pair(answer(200), answer(500)))[0]).toMatchObject({
      oldTimed: [{ atLeast: 20, atMost: 20, count: 1 }],
      newTimed: [{ atLeast: 30, atMost: 30, count: 1 }],
    });
  });
});
