import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withoutRepeats } from "../../../../src/domain/bisect/history.ts";
import { partName } from "../../../../src/domain/bisect/parts.ts";
import { type Candidate, findChange, splitChange } from "../../../../src/domain/bisect/search.ts";
import type { RunnableCombination } from "../../../../src/domain/trial/combination.ts";
import { type Behaviour, combination, model, world } from "./world.ts";

const patience = { least: 20, most: 300 };
const options = { patience, lookFurther: 0 };

/** Releases that each have a content of their own: `iris` counts them. */
function history(length: number, of: (position: number) => Candidate["combination"] = numbered): Candidate[] {
  return Array.from({ length }, (_, position) => ({ label: `release-${position}`, combination: of(position) }));
}

function numbered(position: number): RunnableCombination {
  return combination(`release-${position}`, model("iris", String(position)));
}

/** A world in which a numbered release behaves as `of` says of its position. */
function numberedWorld(of: (position: number) => Behaviour, seed = 1) {
  return world(({ models: [first] }) => of(first && "hash" in first.content ? Number(first.content.hash) : -1), {
    seed,
  });
}

describe("the change of a history", () => {
  test("of 64 releases is found in 8 restores, wherever it is and whether the fault came or went", async () => {
    for (let change = 1; change < 64; change += 1) {
      for (const came of [true, false]) {
        const { asking, raised, stillStanding } = numberedWorld((position) => (position < change === came ? 0 : 1));
        const { change: found } = await findChange(history(64), asking, options);
        expect(found).toMatchObject({ old: change - 1, young: change, came, contrary: [], skipped: [] });
        expect(raised.length).toBeLessThanOrEqual(8);
        expect(stillStanding()).toBe(0);
      }
    }
  });

  test("is a range where releases do not start, and only such releases are in it", async () => {
    await fc.assert(
      fc.asyncProperty(histories({ skips: true }), async ({ length, change, broken }) => {
        const { asking, raised } = numberedWorld((position) =>
          broken.has(position) ? "does not start" : position < change ? 0 : 1,
        );
        const { change: found } = await findChange(history(length), asking, options);
        expect(found.old).toBeLessThan(change);
        expect(found.young).toBeGreaterThanOrEqual(change);
        for (let between = found.old + 1; between < found.young; between += 1) expect(broken.has(between)).toBe(true);
        expect(raised.length).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(length - 1)) + 2 * found.skipped.length);
      }),
      { numRuns: 200 },
    );
  });

  test("is found among releases of which some are gone, without bringing those up", async () => {
    const gone = new Set([31, 15, 47]);
    const { asking, raised } = numberedWorld((position) => (position < 40 ? 0 : 1));
    const candidates = history(64, (position) =>
      gone.has(position) ? { notJudged: "its image is gone" } : numbered(position),
    );
    const { change } = await findChange(candidates, asking, options);
    expect(change).toMatchObject({ old: 39, young: 40 });
    expect(change.skipped.map(({ position }) => position)).toEqual([15, 31, 47]);
    expect(raised.length).toBeLessThanOrEqual(8);
  });

  test("of noisy models is the right one: the rare answers before it, the frequent ones after it", async () => {
    await fc.assert(
      fc.asyncProperty(histories({ skips: false }), fc.integer(), async ({ length, change }, seed) => {
        const { asking } = numberedWorld((position) => (position < change ? 0.1 : 0.6), seed);
        const { change: found } = await findChange(history(length), asking, options);
        expect(found).toMatchObject({ old: change - 1, young: change, came: true });
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  test("of noisy models is found in 8 restores, wherever it is, whatever the noise and whether the fault came or went", async () => {
    for (const [before, after] of [
      [0, 0.4],
      [0.4, 0],
      [0.1, 0.6],
      [1, 0.5],
    ] as const) {
      for (let change = 1; change < 64; change += 1) {
        const { asking, raised, stillStanding } = numberedWorld((at) => (at < change ? before : after), change);
        const { change: found } = await findChange(history(64), asking, options);
        expect(found).toMatchObject({ old: change - 1, young: change, came: before < after, skipped: [] });
        expect(raised.length).toBeLessThanOrEqual(8);
        expect(stillStanding()).toBe(0);
      }
    }
  });

  test("of ends that a few answers do not tell apart is found by asking them more often", async () => {
    const { asking } = numberedWorld((position) => (position < 11 ? 0 : 1));
    const { change } = await findChange(history(16), asking, { patience: { least: 2, most: 300 }, lookFurther: 0 });
    expect(change).toMatchObject({ old: 10, young: 11 });
  });

  test("is one of several where the fault comes and goes, and whatever it is, it is one", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 62 }),
        fc.integer({ min: 0, max: 4 }),
        async (inner, lookFurther) => {
          const faulty = [false, ...inner, true];
          const { asking, raised } = numberedWorld((position) => (faulty[position] ? 1 : 0));
          const { change } = await findChange(history(faulty.length), asking, { patience, lookFurther });
          expect(change.young).toBe(change.old + 1);
          expect([faulty[change.old], faulty[change.young]]).toEqual([false, true]);
          for (const position of change.contrary) expect(faulty[position]).toBe(position < change.old);
          expect(raised.length).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(faulty.length - 1)) + lookFurther);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("a release with the content of one that was judged is known without being brought up", async () => {
    // release-3 went back to release-1, which was brought back by restore.
    const contents = ["a", "b", "a", "c", "c", "b", "d"];
    const candidates = history(contents.length, (position) =>
      combination(`release-${position}`, model("iris", contents[position] ?? "")),
    );
    const { asking, raisedKeys } = world(({ models: [first] }) =>
      first && "hash" in first.content && "bd".includes(first.content.hash) ? 1 : 0,
    );
    const { change } = await findChange(candidates, asking, { patience, lookFurther: 2 });
    expect(new Set(raisedKeys()).size).toBe(raisedKeys().length);
    expect(change.contrary.length).toBeGreaterThan(0);
  });

  test("repetitions that follow each other are one place", () => {
    const candidates = history(6, (position) =>
      position === 3 ? { notJudged: "gone" } : numbered(Math.floor(position / 2)),
    );
    expect(withoutRepeats(candidates).map(({ releases }) => releases.map(({ label }) => label))).toEqual([
      ["release-0", "release-1"],
      ["release-2"],
      ["release-3"],
      ["release-4", "release-5"],
    ]);
  });
});

describe("refused", () => {
  test("ends that answer alike, ends of one content, and an end that does not start", async () => {
    const alike = numberedWorld(() => 1);
    await expect(findChange(history(8), alike.asking, options)).rejects.toThrow(
      "20 of 20 answers of release-0 and 20 of 20 answers of release-7",
    );
    expect(alike.raised.length).toBe(2);
    const noisy = numberedWorld(() => 0.5);
    await expect(findChange(history(8), noisy.asking, options)).rejects.toThrow("both ends answer alike");
    const same = numberedWorld(() => 1);
    await expect(
      findChange(
        history(3, () => numbered(1)),
        same.asking,
        options,
      ),
    ).rejects.toThrow("the same content");
    expect(same.raised).toEqual([]);
    const broken = numberedWorld((position) => (position === 7 ? "does not start" : 1));
    await expect(findChange(history(8), broken.asking, options)).rejects.toThrow(
      "release-7 cannot be judged: it does not start",
    );
    expect(broken.stillStanding()).toBe(0);
  });
});

describe("killed and run again", () => {
  test("it goes on with what is known, and brings nothing up twice", async () => {
    const whole = numberedWorld((position) => (position < 40 ? 0 : 1));
    await findChange(history(64), whole.asking, options);
    const first = numberedWorld((position) => {
      if (position === 39) throw new Error("killed");
      return position < 40 ? 0 : 1;
    });
    await expect(findChange(history(64), first.asking, options)).rejects.toThrow("killed");
    const again = world(({ name }) => (Number(name.slice("release-".length)) < 40 ? 0 : 1), { memory: first.memory });
    const { change } = await findChange(history(64), again.asking, options);
    expect(change).toMatchObject({ old: 39, young: 40 });
    expect(first.raised.length - 1 + again.raised.length).toBe(whole.raised.length);
  });
});

describe("the split", () => {
  const old = combination("release-1", model("iris", "a", { env: { FACTOR: "1", LOG: "1" } }));
  const young = combination(
    "release-2",
    model("iris", "b", { env: { FACTOR: "2", LOG: "2" }, resources: { cpu: "2", memory: "2Gi", gpus: 0 } }),
  );
  const ends = [
    { label: "release-1", combination: old },
    { label: "release-2", combination: young },
  ] as const;
  const has = (wanted: RunnableCombination, what: "code" | "FACTOR" | "LOG") => {
    const [iris] = wanted.models;
    if (what === "code") return iris !== undefined && "hash" in iris.content && iris.content.hash === "b";
    return iris?.env[what] === "2";
  };
  const split = async (behaviour: (wanted: RunnableCombination) => Behaviour) => {
    const { asking, raised } = world(behaviour);
    const { apart } = await findChange(ends, asking, options);
    const before = raised.length;
    const { parts, mayBeNeedless } = await splitChange(...ends, asking, { apart, patience });
    return { parts: parts.map(partName), mayBeNeedless: mayBeNeedless.map(partName), restores: raised.length - before };
  };

  test("names the one part that does it", async () => {
    expect(await split((wanted) => (has(wanted, "FACTOR") ? 1 : 0))).toMatchObject({
      parts: ["menagerie:zoo.iris.env.FACTOR"],
      mayBeNeedless: [],
    });
    expect(await split((wanted) => (has(wanted, "code") ? 1 : 0))).toMatchObject({
      parts: ["model iris"],
      mayBeNeedless: [],
    });
  });

  test("names parts that do it only together", async () => {
    expect(await split((wanted) => (has(wanted, "code") && has(wanted, "LOG") ? 1 : 0))).toMatchObject({
      parts: ["model iris", "menagerie:zoo.iris.env.LOG"],
      mayBeNeedless: [],
    });
  });

  test("says which parts may be needless where subsets do not start", async () => {
    // The new code does not start without the new FACTOR, which alone does no harm.
    const found = await split((wanted) => (!has(wanted, "code") ? 0 : has(wanted, "FACTOR") ? 1 : "does not start"));
    expect(found).toMatchObject({
      parts: ["model iris", "menagerie:zoo.iris.env.FACTOR"],
      mayBeNeedless: ["menagerie:zoo.iris.env.FACTOR"],
    });
  });

  test("of a change with one part brings nothing up", async () => {
    const { asking, raised } = numberedWorld((position) => position);
    const candidates = history(2);
    const { apart } = await findChange(candidates, asking, options);
    const [first, second] = [numbered(0), numbered(1)].map((each) => ({ label: each.name, combination: each }));
    if (!first || !second) throw new Error("two were made");
    expect(await splitChange(first, second, asking, { apart, patience })).toEqual({
      parts: [{ kind: "model", model: "iris" }],
      mayBeNeedless: [],
    });
    expect(raised.length).toBe(2);
  });
});

function histories({ skips }: { readonly skips: boolean }) {
  return fc.integer({ min: 2, max: 64 }).chain((length) =>
    fc.record({
      length: fc.constant(length),
      change: fc.integer({ min: 1, max: length - 1 }),
      broken: skips
        ? fc
            .uniqueArray(fc.integer({ min: 1, max: Math.max(1, length - 2) }), { maxLength: length })
            .map((positions) => new Set(positions.filter((position) => position < length - 1)))
        : fc.constant(new Set<number>()),
    }),
  );
}
