import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anytimeUpperBound } from "../../../../src/domain/judgement/share.ts";
import { Comparison } from "../../../../src/domain/shadow/comparison.ts";
import { differencesOf } from "../../../../src/domain/shadow/difference.ts";
import { formatFieldPath, parseFieldPath } from "../../../../src/domain/shadow/fieldPath.ts";
import { judgeGate, type ShadowGate } from "../../../../src/domain/shadow/gate.ts";
import { LatencyHistogram } from "../../../../src/domain/shadow/latency.ts";
import { percent } from "../../../../src/domain/shadow/readable.ts";
import type { RecordedAnswer, RecordedCounts, RecordedPair } from "../../../../src/domain/shadow/recorded.ts";
import { type ComparisonRules, compileRules } from "../../../../src/domain/shadow/rules.ts";
import { Timeline } from "../../../../src/domain/shadow/timeline.ts";
import { wilsonInterval } from "../../../support/judge/wilson.ts";

function differing(primary: unknown, shadow: unknown, rules: ComparisonRules = {}): string[] {
  return differencesOf(primary, shadow, compileRules(rules)).map(({ at, how }) => `${at} ${how}`);
}

let made = 0;
function pair(primary: unknown, shadow: unknown, answer: Partial<RecordedAnswer> = {}): RecordedPair {
  const side = (json: unknown): RecordedAnswer => ({ status: 200, failure: null, latencyMs: 1, body: { json } });
  made += 1;
  return {
    requestId: `r${made}`,
    at: made * 1000,
    primary: side(primary),
    shadow: { ...side(shadow), ...answer },
    sameBody: false,
  };
}

function counts(paired: number, more: Partial<RecordedCounts> = {}): RecordedCounts {
  return { primary: paired, shadow: paired, paired, pending: 0, unpaired: 0, lostByRecorders: 0, ...more };
}

function compare(pairs: readonly RecordedPair[], rules: ComparisonRules = {}) {
  const comparison = new Comparison(rules);
  for (const each of pairs) comparison.add(each);
  return comparison.result(counts(pairs.length), 100);
}

describe("two answers", () => {
  it.each([
    ["equal", { a: [1, "x", null] }, { a: [1, "x", null] }, []],
    ["keys in another order", { a: 1, b: 2 }, { b: 2, a: 1 }, []],
    ["another number", { a: [1, 2] }, { a: [1, 3] }, ["a[1] value"]],
    ["another kind", { a: 1 }, { a: "1" }, ["a kind"]],
    ["null against nothing", { a: null }, {}, ["a absent"]],
    ["a key more", {}, { a: { b: 1 } }, ["a absent"]],
    ["a shorter list", [1, 2, 3], [1], ["[1] absent", "[2] absent"]],
    ["a list against a mapping", [], {}, ["$ kind"]],
    ["odd keys", { "a b": { "0x": 1 } }, { "a b": { "0x": 2 } }, ['["a b"]["0x"] value']],
    ["a key called __proto__", JSON.parse('{"__proto__": 1}'), {}, ["__proto__ absent"]],
  ])("%s", (_, primary, shadow, expected) => {
    expect(differing(primary, shadow)).toEqual(expected);
  });

  it("differ from themselves in nothing, and from another as often in both directions", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (a, b) => {
        const [left, right] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))];
        expect(differing(left, JSON.parse(JSON.stringify(a)))).toEqual([]);
        expect(differing(left, right).sort()).toEqual(differing(right, left).sort());
      }),
    );
  });
});

describe("rules", () => {
  it("a tolerance holds for every number, a path's own for what is at and below it", () => {
    const answers = [
      { score: 0.5, box: { x: 10, y: 10 } },
      { score: 0.5004, box: { x: 10.9, y: 12 } },
    ] as const;
    expect(differing(...answers)).toEqual(["score value", "box.x value", "box.y value"]);
    expect(differing(...answers, { tolerance: { relative: 0.001 } })).toEqual(["box.x value", "box.y value"]);
    expect(
      differing(...answers, { tolerance: { relative: 0.001 }, tolerances: { box: { absolute: 1 }, "box.y": {} } }),
    ).toEqual(["box.y value"]);
  });

  it("an ignored path is not looked at, nor what is below it", () => {
    const rules = { ignore: ["meta", "items[*].at"] };
    expect(differing({ meta: { at: 1 }, items: [{ at: 1, n: 1 }] }, { items: [{ at: 2, n: 1 }] }, rules)).toEqual([]);
    expect(differing({ items: [{ n: 1 }] }, { items: [{ n: 2 }] }, rules)).toEqual(["items[0].n value"]);
  });

  it("one entry of a list may have a rule of its own", () => {
    expect(differing([1, 1], [2, 2], { ignore: ["[0]"] })).toEqual(["[1] value"]);
  });

  it("where order does not matter, only what is missing differs", () => {
    const rules = { unordered: ["tags", "boxes"], tolerance: { absolute: 0.1 }, ignore: ["boxes[*].id"] };
    expect(differing({ tags: ["b", "a"] }, { tags: ["a", "b"] }, rules)).toEqual([]);
    expect(differing({ tags: ["b", "a"] }, { tags: ["a"] }, rules)).toEqual(["tags[*] absent"]);
    const boxes = [
      { id: 1, x: 1 },
      { id: 2, x: 5 },
    ];
    expect(
      differing(
        { boxes },
        {
          boxes: [
            { id: 9, x: 5.05 },
            { x: 1, id: 7 },
          ],
        },
        rules,
      ),
    ).toEqual([]);
    expect(
      differing(
        { boxes },
        {
          boxes: [
            { id: 9, x: 6 },
            { x: 1, id: 7 },
          ],
        },
        rules,
      ),
    ).toEqual(["boxes[*].x value"]);
    expect(differing({ tags: [3, 1, 2] }, { tags: [1.05, 2.05, 3.05] }, rules)).toEqual([]);
  });

  it("any shuffle of a list is equal to it where order does not matter", () => {
    const list = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 20 });
    fc.assert(
      fc.property(
        list.chain((original) =>
          fc.tuple(
            fc.constant(original),
            fc.shuffledSubarray(original, { minLength: original.length, maxLength: original.length }),
          ),
        ),
        ([original, shuffled]) => {
          const [a, b] = [JSON.parse(JSON.stringify(original)), JSON.parse(JSON.stringify(shuffled))];
          expect(differing(a, b, { unordered: ["$"] })).toEqual([]);
        },
      ),
    );
  });

  it.each(["$", "a", "a.b[*].c", 'a["odd key"][3]', "[*][*]", "_x.$y-z"])(
    "path %s is read as it is written",
    (text) => {
      expect(formatFieldPath(parseFieldPath(text) ?? [])).toBe(text);
    },
  );

  it.each(["", "a..b", "a[", "a[x]", ".a", "a b", "a.", '["a]'])("%j is not a path", (text) => {
    expect(parseFieldPath(text)).toBeUndefined();
  });
});

describe("all pairs", () => {
  it("that differ by a factor are told so", () => {
    const pairs = Array.from({ length: 50 }, (_, n) => {
      const values = [3.3 + n, 62.3 * n + 1, 324];
      return pair({ results: values.map((value) => value * 2) }, { results: values.map((value) => value * 3) });
    });
    const result = compare(pairs);
    expect(result).toMatchObject({ pairs: 50, differing: 50, mismatches: 50, factor: { factor: 1.5, share: 1 } });
    expect(result.fields).toMatchObject([{ field: "results[*]", mismatches: 50, rate: 1, factor: { factor: 1.5 } }]);
  });

  it("a factor survives a few outliers and is not made up from noise", () => {
    const scaled = (factor: (n: number) => number) =>
      compare(Array.from({ length: 1000 }, (_, n) => pair([n + 1], [(n + 1) * factor(n)]))).factor;
    expect(scaled((n) => (n % 50 === 0 ? 7 + n : -2))).toMatchObject({ factor: -2 });
    expect(scaled((n) => 2 + n)).toBeNull();
    expect(scaled((n) => (n % 2 ? 2 : 3))).toBeNull();
  });

  it("another status is a mismatch, whatever the bodies", () => {
    const result = compare([pair({}, {}), pair({ a: 1 }, { a: 1 }, { status: 500 })]);
    expect(result.fields).toMatchObject([{ field: "status", mismatches: 1 }]);
    expect(result.statuses).toEqual([
      { primary: 200, shadow: 200, pairs: 1 },
      { primary: 200, shadow: 500, pairs: 1 },
    ]);
  });

  it("of which one side was sent pseudonyms are not compared, whatever was answered", () => {
    const redacted = { isRedacted: true };
    const result = compare([
      { ...pair(1, 1), ...redacted },
      { ...pair(1, 2), ...redacted },
      { ...pair(1, 1, { status: 400 }), ...redacted },
      { ...pair(1, 1, { failure: "predictor_broken" }), ...redacted },
      pair(1, 1),
    ]);
    expect(result).toMatchObject({ pairs: 1, mismatches: 0, undecided: 4, notJudged: { redacted: 4 } });
    expect(result.statuses).toEqual([{ primary: 200, shadow: 200, pairs: 1 }]);
  });

  it("bodies that are not JSON are compared by their bytes, and what cannot be read is counted apart", () => {
    const bytes = (digest: string): RecordedAnswer => ({
      status: 200,
      failure: null,
      latencyMs: 1,
      body: { digest },
    });
    const result = compare([
      pair(1, 1, { body: { digest: "a" } }),
      { ...pair(1, 1), primary: { ...bytes(""), body: { unjudgeable: "too_long" } } },
      { ...pair(1, 1, { body: { digest: "a" } }), primary: bytes("a") },
    ]);
    expect(result).toMatchObject({ pairs: 2, differing: 1, undecided: 1, fields: [{ field: "(not JSON)" }] });
    expect(result.notJudged).toEqual({ too_long: 1 });
  });

  it.each([
    ["predictor_broken", "shadow_broken"],
    ["predictor_timeout", "shadow_timeout"],
    ["predictor_unavailable", "shadow_unavailable"],
  ] as const)("a shadow's %s is a mismatch, also behind a 200 and with the same bytes", (failure, field) => {
    const result = compare([{ ...pair(1, 1, { failure }), sameBody: true }]);
    expect(result).toMatchObject({ pairs: 1, mismatches: 1, notJudged: {} });
    expect(result.fields).toMatchObject([{ field, mismatches: 1 }]);
  });

  it("a copy of the primary that breaks off too does not excuse a shadow that does", () => {
    const comparison = new Comparison({}, { noiseFloor: true });
    const broken = { failure: "predictor_broken" } as const;
    for (let n = 0; n < 50; n += 1) {
      comparison.add(pair(1, 1, broken));
      comparison.addNoise(pair(1, 1, broken));
    }
    expect(comparison.result(counts(50), 100)).toMatchObject({ mismatches: 50 });
  });

  it("a side whose client went away, or that failed as primary, is not judged, whatever the other answered", () => {
    const failing = (failure: RecordedAnswer["failure"], status: number | null = null): RecordedPair => {
      const whole = pair(1, 1);
      return { ...whole, primary: { ...whole.primary, status, failure } };
    };
    const result = compare([
      failing("client_gone"),
      failing("client_gone", 200),
      failing("predictor_broken", 200),
      pair(1, 1, { failure: "client_gone", status: null }),
      pair(1, 1),
    ]);
    expect(result).toMatchObject({ pairs: 1, differing: 0, undecided: 2 });
    expect(result.notJudged).toEqual({ client_gone: 2, primary_failed: 1, copy_abandoned: 1 });
    // Half an answer has no latency.
    expect(result.latency).toMatchObject({ primary: { count: 2 }, shadow: { count: 4 } });
  });

  it("those that differ most come first", () => {
    const pairs = Array.from({ length: 500 }, (_, n) => pair([100], [100 + ((n * 37) % 100)]));
    const { outliers } = compare(pairs);
    expect(outliers).toHaveLength(12);
    expect(outliers.map(({ differences }) => differences[0]?.shadow)).toEqual(
      Array.from({ length: 12 }, (_, n) => [199 - Math.floor(n / 5)]).flat(),
    );
  });

  it("a model that answers with ever new fields takes no more memory than any other", () => {
    const result = compare(Array.from({ length: 3_000 }, (_, n) => pair({ [`f${n}`]: 1 }, { [`f${n}`]: 2 })));
    expect(result.fields.length).toBeLessThanOrEqual(501);
    expect(result.fields[0]).toMatchObject({ field: "(other fields)", mismatches: 2_500 });
    expect(result.mismatches).toBe(3_000);
  });
});

describe("the noise floor", () => {
  const answer = (value: number, stamp: number) => ({ value, stamp });

  it("takes fields out that differ between two copies of the primary too", () => {
    const comparison = new Comparison({}, { noiseFloor: true });
    for (let n = 0; n < 200; n += 1) {
      comparison.addNoise(pair(answer(1, n), answer(1, n + 1)));
      comparison.add(pair(answer(1, n), answer(n % 10 === 0 ? 2 : 1, n + 1)));
    }
    const result = comparison.result(counts(200), 100);
    expect(result).toMatchObject({ differing: 200, mismatches: 20, noise: { pairs: 200, differing: 200 } });
    expect(result.fields).toMatchObject([
      { field: "stamp", isNoise: true, noise: { rate: 1 } },
      { field: "value", isNoise: false, noise: { rate: 0 } },
    ]);
    expect(result.outliers.every(({ differences }) => differences.some(({ at }) => at === "value"))).toBe(true);
  });

  it("does not take out a field that the shadow changes clearly more often", () => {
    const comparison = new Comparison({}, { noiseFloor: true });
    for (let n = 0; n < 1000; n += 1) {
      comparison.addNoise(pair([0], [n % 100 === 0 ? 1 : 0]));
      comparison.add(pair([0], [n % 4 === 0 ? 1 : 0]));
    }
    expect(comparison.result(counts(1000), 100)).toMatchObject({ differing: 250, mismatches: 250 });
  });
});

describe("figures", () => {
  it("percentiles are exact to 2 %", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.add(value);
        const sorted = values.toSorted((a, b) => a - b);
        const { p50, p99 } = histogram.summary();
        for (const [share, found] of [[0.5, p50] as const, [0.99, p99] as const]) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
          expect(found).toBeGreaterThan(exact * 0.998);
          expect(found).toBeLessThan(exact * 1.022);
        }
      }),
    );
  });

  it("a timeline of any length has at most 120 points and forgets no pair", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1.6e12, max: 1.9e12 }), { minLength: 1, maxLength: 500 }), (times) => {
        const timeline = new Timeline();
        for (const time of times) timeline.add(time, time % 2 === 0 ? time % 7 : undefined);
        const { points, width } = timeline.summary(() => true);
        expect(points.reduce((sum, { pairs }) => sum + pairs, 0)).toBe(times.length);
        expect(points.reduce((sum, { mismatches }) => sum + mismatches, 0)).toBe(
          times.filter((time) => time % 2 === 0).length,
        );
        expect(Math.max(...points.map(({ at }) => at)) - Math.min(...points.map(({ at }) => at))).toBeLessThan(
          120 * width,
        );
      }),
    );
  });

  it("of a share of the traffic, what was mirrored is an expectation", () => {
    const { completeness } = new Comparison().result(counts(90, { primary: 1000, shadow: 95 }), 10);
    expect(completeness).toMatchObject({ sampled: 100, isEstimate: true, lost: 10, rate: 0.9 });
  });

  it.each([
    [0, "0 %"],
    [1, "100 %"],
    [0.1234, "12.3 %"],
    [0.00001, "0.001 %"],
    [1e-9, "under 0.001 %"],
    [0.9999999, "over 99.999 %"],
  ])("%d reads %s", (share, text) => {
    expect(percent(share)).toBe(text);
  });
});

describe("a gate", () => {
  const gate = { minPairs: 100, maxMismatch: 0.05, confidence: 0.95, minCompleteness: 0.99 };
  const resultOf = (pairs: number, mismatches: number, lost = 0) => {
    const comparison = new Comparison();
    for (let n = 0; n < pairs; n += 1) comparison.add(pair([1], [n < mismatches ? 2 : 1]));
    return comparison.result(counts(pairs, { primary: pairs + lost }), 100);
  };
  const unmet = (...args: Parameters<typeof resultOf>) =>
    judgeGate(resultOf(...args), gate)
      .checks.filter(({ met }) => !met)
      .map(({ name }) => name);

  it("is met by enough pairs that hardly differ", () => {
    expect(judgeGate(resultOf(200, 1), gate).met).toBe(true);
  });

  it("needs the pairs, the certainty and the completeness", () => {
    expect(unmet(0, 0)).toEqual(["pairs", "mismatch", "completeness"]);
    expect(unmet(99, 0)).toEqual(["pairs"]);
    // 8 of 200 is 4 %, but may well be 7 %.
    expect(unmet(200, 8)).toEqual(["mismatch"]);
    expect(unmet(200, 0, 3)).toEqual(["completeness"]);
  });

  // Exactly: every sequence of 400 pairs of a shadow that differs in as many as are allowed, stopped where the gate is met.
  it("lets a shadow at the limit through no more often than it says, however often somebody compares", () => {
    const passed = (bound: (mismatches: number, pairs: number) => number): number => {
      const limit = gate.maxMismatch;
      let share = 0;
      // By number of mismatches: the probability that the gate was not met until now.
      let waiting = [1];
      for (let pairs = 1; pairs <= 400; pairs += 1) {
        let met = -1;
        while (met + 1 <= limit * pairs && bound(met + 1, pairs) <= limit) met += 1;
        waiting = Array.from({ length: Math.min(pairs, 60) + 1 }, (_, mismatches) => {
          const now = (waiting[mismatches] ?? 0) * (1 - limit) + (waiting[mismatches - 1] ?? 0) * limit;
          if (mismatches > met) return now;
          share += now;
          return 0;
        });
      }
      return share;
    };
    const { confidence } = gate;
    expect(passed((mismatches, pairs) => anytimeUpperBound(mismatches, pairs, 1 - confidence))).toBeCloseTo(0.0355, 4);
    expect(passed((mismatches, pairs) => wilsonInterval(mismatches, pairs, 2 * confidence - 1).high)).toBeCloseTo(
      0.202,
      3,
    );
  });

  it("is held by pairs that could not be judged, and not by clients that hung up", () => {
    const judged = (more: readonly RecordedPair[], limits: ShadowGate = gate) => {
      const comparison = new Comparison();
      for (let n = 0; n < 200; n += 1) comparison.add(pair([1], [1]));
      for (const each of more) comparison.add(each);
      return judgeGate(comparison.result(counts(200 + more.length), 100), limits).checks.find(({ met }) => !met);
    };
    const long = pair(1, 1, { body: { unjudgeable: "too_long" } });
    const gone = pair(1, 1);
    expect(judged([])).toBeUndefined();
    expect(judged([{ ...gone, primary: { ...gone.primary, status: null, failure: "client_gone" } }])).toBeUndefined();
    expect(judged([long])).toMatchObject({
      name: "judged",
      sentence: expect.stringContaining("1 of 201 pairs could not be judged (1 too long to compare); 0 % is allowed"),
    });
    expect(judged([long], { ...gate, maxNotJudged: 0.01 })).toBeUndefined();
  });

  it("judges the latency only where it is asked", () => {
    const comparison = new Comparison();
    for (let n = 0; n < 200; n += 1) comparison.add(pair([1], [1], { latencyMs: 3 }));
    const result = comparison.result(counts(200), 100);
    expect(judgeGate(result, gate).met).toBe(true);
    expect(judgeGate(result, { ...gate, maxLatencyRatio: 2 }).checks.at(-1)).toMatchObject({ met: false });
    expect(judgeGate(result, { ...gate, maxLatencyRatio: 4 }).met).toBe(true);
  });
});
