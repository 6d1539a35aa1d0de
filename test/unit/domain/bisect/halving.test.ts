import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterJudging, beginHalving, mostJudged, nextPosition } from "../../../../src/domain/bisect/halving.ts";

/** Halves a line of `length` positions whose answer changes at `change`. */
function halve(
  length: number,
  change: number,
  unjudgeable: ReadonlySet<number>,
  known: ReadonlySet<number> = new Set(),
) {
  let halving = beginHalving(0, length - 1, known);
  const [judged, skipped]: [number[], number[]] = [[], []];
  for (;;) {
    const position = nextPosition(halving);
    if (position === undefined) return { ...halving, judged, skippedOnes: skipped };
    const leftBefore = mostJudged(halving);
    expect(leftBefore).toBeGreaterThan(0);
    const isSkipped = unjudgeable.has(position);
    (isSkipped ? skipped : judged).push(position);
    halving = afterJudging(halving, position, isSkipped ? "skipped" : position < change ? "old" : "young");
    expect(mostJudged(halving)).toBeLessThanOrEqual(leftBefore - (isSkipped ? -1 : 1));
  }
}

const histories = fc.integer({ min: 2, max: 64 }).chain((length) =>
  fc.record({
    length: fc.constant(length),
    change: fc.integer({ min: 1, max: length - 1 }),
    unjudgeable: fc
      .uniqueArray(fc.integer({ min: 1, max: Math.max(1, length - 2) }))
      .map((positions) => new Set(positions.filter((position) => position < length - 1))),
  }),
);

describe("halving", () => {
  test("finds the change of any history of up to 64 releases in ceil(log2 n) judgements", () => {
    for (let length = 2; length <= 64; length += 1) {
      for (let change = 1; change < length; change += 1) {
        const { old, young, judged } = halve(length, change, new Set());
        expect([old, young]).toEqual([change - 1, change]);
        expect(judged.length).toBeLessThanOrEqual(Math.ceil(Math.log2(length - 1)));
      }
    }
  });

  test("asks the middle while nothing is skipped", () => {
    expect(nextPosition(beginHalving(0, 63))).toBe(31);
    expect(nextPosition(beginHalving(10, 12))).toBe(11);
    expect(nextPosition(beginHalving(4, 5))).toBeUndefined();
  });

  test("with positions that cannot be judged, the change is in the range, and the range holds nothing else that can be judged", () => {
    fc.assert(
      fc.property(histories, ({ length, change, unjudgeable }) => {
        const { old, young, judged, skippedOnes } = halve(length, change, unjudgeable);
        expect(old).toBeLessThan(change);
        expect(young).toBeGreaterThanOrEqual(change);
        for (let position = old + 1; position < young; position += 1) expect(unjudgeable.has(position)).toBe(true);
        expect(new Set([...judged, ...skippedOnes]).size).toBe(judged.length + skippedOnes.length);
        expect(judged.length).toBeLessThanOrEqual(Math.ceil(Math.log2(length - 1)) + skippedOnes.length);
      }),
      { numRuns: 2_000 },
    );
  });

  test("positions that are known not to be judged are never asked, and cost nothing", () => {
    fc.assert(
      fc.property(histories, ({ length, change, unjudgeable }) => {
        const { judged, skippedOnes } = halve(length, change, unjudgeable, unjudgeable);
        expect(skippedOnes).toEqual([]);
        expect(judged.length).toBeLessThanOrEqual(Math.ceil(Math.log2(length - 1)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("goes away from a run of positions that cannot be judged, instead of through it", () => {
    const run = new Set(Array.from({ length: 21 }, (_, index) => 21 + index));
    for (const change of [3, 15, 45, 60]) expect(halve(64, change, run).skippedOnes.length).toBeLessThan(8);
  });
});
