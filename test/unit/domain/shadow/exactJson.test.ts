import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readExactJson, readJsonbText } from "../../../../src/domain/shadow/exactJson.ts";
import { ExactNumber } from "../../../../src/domain/shadow/exactNumber.ts";

describe("JSON of an answer", () => {
  it("is read as the engine's parser reads it, and refused where that refuses it", () => {
    const nearlyJson = fc.oneof(
      fc.json(),
      fc
        .array(
          fc.constantFrom(
            ...[
              '"',
              "\\",
              "\\u00e4",
              "[",
              "]",
              "{",
              "}",
              ",",
              ":",
              "1",
              "-",
              "0",
              ".5",
              "e3",
              "true",
              " ",
              "\n",
              '"a"',
            ],
          ),
          { maxLength: 10 },
        )
        .map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(nearlyJson, (text) => {
        let expected: unknown;
        try {
          expected = { value: JSON.parse(text) };
        } catch {
          expected = { notJson: true };
        }
        const read = readExactJson(text);
        // Nobody generated numbers that doubles do not hold; a repeated key is another test's.
        if (!("repeatedKey" in read)) expect(read).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("has NaN and infinities as Python writes them", () => {
    const read = readExactJson('{"a": NaN, "b": [Infinity, -Infinity], "c": null}');
    expect(read).toEqual({
      value: { a: Number.NaN, b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], c: null },
    });
  });

  it.each([
    ['{"a": 1, "a": 2}', { repeatedKey: true }],
    ['[{"b": {"a": 1, "\\u0061": 1}}]', { repeatedKey: true }],
    ['{"a": 1, "a": 2', { notJson: true }],
    ['{"a": {"b": 1}, "b": 1}', { value: { a: { b: 1 }, b: 1 } }],
    ["", { notJson: true }],
    ["nan", { notJson: true }],
    ["[1,]", { notJson: true }],
    ["01", { notJson: true }],
    ['"\\"', { notJson: true }],
    ['"a\\\\"', { value: "a\\" }],
    ['"\u0001"', { notJson: true }],
    [`${"[".repeat(60_000)}${"]".repeat(60_000)}`, { beyondLimits: true }],
    [`[${"9".repeat(20_000)}]`, { beyondLimits: true }],
  ])("%.40s", (text, expected) => {
    expect(readExactJson(text)).toEqual(expected);
  });

  it("keeps a key called __proto__, and megabytes in one string", () => {
    const read = readExactJson('{"__proto__": {"x": 1}}');
    expect("value" in read && Object.keys(read.value as object)).toEqual(["__proto__"]);
    const long = JSON.stringify({ image: 'a\\"é'.repeat(2_000_000) });
    expect(readExactJson(long)).toEqual({ value: JSON.parse(long) });
  });

  it("of PostgreSQL is read the quick way only where no number loses a digit", () => {
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.stringMatching(/^[1-9][0-9]{0,22}(\.[0-9]{1,22})?$/),
    );
    fc.assert(
      fc.property(fc.array(numbers), fc.string(), (list, text) => {
        const json = `{"n": [${list.join(", ")}], "t": ${JSON.stringify(text)}}`;
        expect(JSON.stringify(readJsonbText(json))).toBe(JSON.stringify(readExactJson(json)));
      }),
    );
    const read = readJsonbText('{"id": 9007199254740993}');
    expect("value" in read && (read.value as { id: unknown }).id).toBeInstanceOf(ExactNumber);
  });
});
