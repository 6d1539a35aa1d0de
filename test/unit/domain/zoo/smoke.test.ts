import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gpuShortages, podsAtPeak } from "../../../../src/domain/capacity/gpuDemand.ts";
import { exactNumber } from "../../../../src/domain/shadow/exactNumber.ts";
import { differences, suiteOf } from "../../../../src/domain/zoo/smoke.ts";

const shortages = (...asked: Parameters<typeof gpuShortages>) => gpuShortages(...asked).map(({ message }) => message);

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

describe("GPUs of a pool", () => {
  const t4 = new Map([["t4", { gpus: 1, key: "menagerie:pools.t4.replicas" }]]);
  const on = (name: string, gpus = 1, pods = 1, pool = "t4") => ({ name, gpus, pods, pool });

  it("must hold old and new side by side, else the pool, the need and the have are told", () => {
    expect(shortages([on("multiplier version 1")], t4)).toEqual([]);
    expect(shortages([on("multiplier version 1"), on("multiplier_copy", 2, 2), on("other", 8, 1, "a10g")], t4)).toEqual(
      [
        "menagerie:pools.t4.replicas: pool t4 needs 5 GPUs at once (multiplier version 1 1, multiplier_copy 4) and has 1; raise it for the time of the rollout, or move a model to another pool",
      ],
    );
  });

  it("at the peak hold what has to answer first, and in Knative mode old and new revision", () => {
    const model = { replicas: { min: 2 }, mode: "Standard" as const, isNew: false, changes: false };
    expect(podsAtPeak(model)).toBe(2);
    expect(podsAtPeak({ ...model, changes: true })).toBe(2);
    expect(podsAtPeak({ ...model, changes: true, mode: "Knative" })).toBe(4);
    expect(podsAtPeak({ ...model, replicas: { min: 0 } })).toBe(0);
    expect(podsAtPeak({ ...model, replicas: { min: 0 }, isNew: true })).toBe(1);
  });
});
