import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactNumber } from "../../../../src/domain/shadow/exactNumber.ts";
import { differences, suiteOf } from "../../../../src/domain/zoo/smoke.ts";

describe("an answer is compared with what was expected", () => {
  it("any JSON is like itself, whatever the order of its keys", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(differences(value as never, JSON.parse(JSON.stringify(value)), 0)).toEqual([]);
      }),
    );
  });

  it.each([
    [{ results: [6.6] }, { results: [9.9] }, 0, ["results[0]: 9.9 instead of 6.6"]],
    [{ a: 0.3 }, { a: 0.1 + 0.2 }, 0, []],
    [{ a: 1 }, { a: 1.1 }, 0.1, []],
    [{ a: 1 }, { a: 1.11 }, 0.1, ["a: 1.11 instead of 1"]],
    [{ a: 1 }, { a: 1, more: true }, 0, []],
    [{ a: { b: 1 } }, { a: {} }, 0, ["a.b: missing"]],
    [[1, 2], [1], 0, ["the answer: 1 entries instead of 2"]],
    [[1], { 0: 1 }, 0, ['the answer: {"0":1} instead of a list']],
    ["a", "b", 0, ['the answer: "b" instead of "a"']],
    [null, undefined, 0, ["the answer: nothing instead of null"]],
    [1, "1", 5, ['the answer: "1" instead of 1']],
    [2 ** 53, exactNumber("9007199254740993"), 0, ["the answer: 9007199254740993 instead of 9007199254740992"]],
    [2 ** 53, exactNumber("9007199254740993"), 1, []],
    [{}, exactNumber("1e400"), 0, ["the answer: 1e400 instead of a mapping"]],
    [1, Number.NaN, 5, ["the answer: NaN instead of 1"]],
  ])("%j and %j within %d", (expected, answered, tolerance, said) => {
    expect(differences(expected as never, answered, tolerance)).toEqual(said);
  });

  it("a set is another one as soon as anything in it changes", () => {
    const set = [{ input: { a: 1, b: 2 }, output: 1, tolerance: 0 }];
    expect(suiteOf(set)).toBe(suiteOf([{ input: { b: 2, a: 1 }, output: 1, tolerance: 0 }]));
    for (const change of [{ input: 1 }, { output: 2 }, { tolerance: 1 }]) {
      expect(suiteOf([{ ...set[0], ...change } as never])).not.toBe(suiteOf(set));
    }
  });
});
