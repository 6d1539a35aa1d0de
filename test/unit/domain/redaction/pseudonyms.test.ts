import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pseudonyms } from "../../../../src/domain/redaction/pseudonyms.ts";
import { ExactNumber, exactNumber, isSameNumber, type JsonNumber } from "../../../../src/domain/shadow/exactNumber.ts";

const under = (key: string) => new Pseudonyms((text) => createHmac("sha256", key).update(text).digest());
const pseudonyms = under("a");

/** Sign, number of digits, and where the point is. */
function sizeOf(value: JsonNumber): string {
  const { negative, digits, exponent } = (value instanceof ExactNumber ? value : new ExactNumber(String(value)))
    .decimal;
  return `${negative} ${digits.length} ${exponent}`;
}

describe("a pseudonym", () => {
  it("is the same for the same value under one key, and another under another", () => {
    expect(pseudonyms.ofText("alice")).toMatch(/^redacted:[0-9a-f]{24}$/);
    expect(under("a").ofText("alice")).toBe(pseudonyms.ofText("alice"));
    expect(under("b").ofText("alice")).not.toBe(pseudonyms.ofText("alice"));
    expect(pseudonyms.ofText("bob")).not.toBe(pseudonyms.ofText("alice"));
    expect(under("b").ofNumber(123456789)).not.toBe(pseudonyms.ofNumber(123456789));
  });

  it("of a number has its sign and size", () => {
    const token = fc.tuple(fc.boolean(), fc.bigInt(1n, 10n ** 30n), fc.integer({ min: -30, max: 30 }));
    fc.assert(
      fc.property(token, ([negative, digits, exponent]) => {
        const value = exactNumber(`${negative ? "-" : ""}${digits}e${exponent}`);
        expect(sizeOf(pseudonyms.ofNumber(value))).toBe(sizeOf(value));
      }),
    );
    expect(pseudonyms.ofNumber(0)).toBe(0);
    expect(Number.isInteger(pseudonyms.ofNumber(4711))).toBe(true);
    expect(String(pseudonyms.ofNumber(0.25))).toMatch(/^0\.[1-9]{2}$/);
  });

  it("of different small numbers differs", () => {
    for (const [scale, count] of [
      [1, 999],
      [0.001, 999],
    ] as const) {
      const values = Array.from({ length: count }, (_, index) => Number(((index + 1) * scale).toFixed(3)));
      expect(new Set(values.map((each) => String(pseudonyms.ofNumber(each)))).size).toBe(count);
    }
  });

  it("of one number is the same number, however it was written", () => {
    expect(isSameNumber(pseudonyms.ofNumber(exactNumber("12.50")), pseudonyms.ofNumber(exactNumber("125e-1")))).toBe(
      true,
    );
  });

  it("of lists and mappings has their shape; true, false and null tell nothing", () => {
    const { ofText, ofNumber } = {
      ofText: (text: string) => pseudonyms.ofText(text),
      ofNumber: (n: number) => pseudonyms.ofNumber(n),
    };
    expect(pseudonyms.of({ a: ["x", 12, true, false, null], __proto__: null })).toEqual({
      a: [ofText("x"), ofNumber(12), false, false, null],
    });
    expect(Object.keys(pseudonyms.of(JSON.parse('{"__proto__": "x"}')) as object)).toEqual(["__proto__"]);
  });
});
