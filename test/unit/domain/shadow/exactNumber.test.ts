import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareNumbers,
  distanceOf,
  ExactNumber,
  exactNumber,
  isSameNumber,
} from "../../../../src/domain/shadow/exactNumber.ts";
import { isWithin } from "../../../../src/domain/shadow/tolerance.ts";

/** A whole number times a power of ten, as it is written in one of several ways. */
const written = fc
  .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: -400, max: 400 }), fc.nat({ max: 3 }))
  .map(([whole, power, zeros]) => ({
    value: whole * 10n ** BigInt(power + 400),
    text: `${whole}${zeros === 0 ? "" : `.${"0".repeat(zeros)}`}e${power}`,
    other: `${whole}${"0".repeat(zeros)}E${power - zeros}`,
  }));

describe("numbers as they are written", () => {
  it.each([
    ["9007199254740993", "9007199254740992", false],
    ["1e400", "1e401", false],
    ["1e400", "10e399", true],
    ["1.0", "1.00", true],
    ["1e3", "1000", true],
    ["-0.0", "0.0", true],
    ["0.1", "0.10000000000000000000001", false],
    ["0.1000000000000000055511151231257827", "0.1", false],
    ["5e-324", "4.9406564584124654e-324", false],
    ["0e999999", "0", true],
  ])("%s and %s are the same: %s", (a, b, same) => {
    expect(isSameNumber(exactNumber(a), exactNumber(b))).toBe(same);
  });

  it("are the same exactly where the numbers are, and in the same order", () => {
    fc.assert(
      fc.property(written, written, (a, b) => {
        expect(isSameNumber(exactNumber(a.text), exactNumber(a.other))).toBe(true);
        expect(isSameNumber(exactNumber(a.text), exactNumber(b.text))).toBe(a.value === b.value);
        const order = compareNumbers(exactNumber(a.text), exactNumber(b.text));
        expect(Math.sign(order)).toBe(a.value === b.value ? 0 : a.value < b.value ? -1 : 1);
      }),
    );
  });

  it("are doubles wherever those are exact", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(exactNumber(JSON.stringify(value))).toBe(value === 0 ? exactNumber("0") : value);
      }),
      { examples: [[0.1], [1e21], [5e-324], [Number.MAX_VALUE]] },
    );
  });

  it("print as numbers, digit for digit", () => {
    expect(JSON.stringify({ a: exactNumber("9007199254740993"), b: exactNumber("1e400") })).toBe(
      '{"a":9007199254740993,"b":1e400}',
    );
  });
});

describe("tolerances", () => {
  const within = (a: string, b: string, tolerance: Parameters<typeof isWithin>[2]) =>
    isWithin(exactNumber(a), exactNumber(b), tolerance);

  it.each([
    ["9007199254740993", "9007199254740992", { relative: 1e-9 }, true],
    ["9007199254740993", "9007199254740992", { absolute: 0.5 }, false],
    ["9007199254740993", "9007199254740992", { absolute: 1 }, true],
    ["1e400", "1e401", { relative: 0.5 }, false],
    ["1e400", "1.001e400", { relative: 0.01 }, true],
    ["1e400", "1.001e400", { absolute: 1e300 }, false],
    ["1e-400", "3e-400", { relative: 0.1 }, false],
    ["1e-400", "3e-400", { absolute: 1e-300 }, true],
    ["1e400", "1", { relative: 0.9 }, false],
    ["-1e400", "1e400", { relative: 1 }, false],
    ["100", "101", { relative: 0.01 }, true],
    ["0", "1e-400", { relative: 0.99 }, false],
  ])("%s and %s within %j: %s", (a, b, tolerance, expected) => {
    expect(within(a, b, tolerance)).toBe(expected);
  });

  it("do not reach what is not finite", () => {
    const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
    for (const tolerance of [{}, { relative: 1 }, { absolute: Number.MAX_VALUE }]) {
      expect(isWithin(nan, nan, tolerance)).toBe(true);
      expect(isWithin(infinity, infinity, tolerance)).toBe(true);
      for (const other of [nan, -infinity, 1, new ExactNumber("1e400")]) {
        expect(isWithin(infinity, other, tolerance)).toBe(false);
      }
      expect(isWithin(nan, 1, tolerance)).toBe(false);
    }
  });

  it("measure as doubles do, where these are exact", () => {
    const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        const asDecimals = distanceOf(new ExactNumber(String(a)), b);
        const asDoubles = distanceOf(a, b);
        expect(asDecimals.absolute).toBe(asDoubles.absolute);
        expect(asDecimals.relative).toBeCloseTo(asDoubles.relative, 12);
      }),
    );
  });
});
