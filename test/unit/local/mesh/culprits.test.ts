import { describe, expect, it } from "vitest";
import { findCulprits } from "../../../../src/local/mesh/culprits.ts";

/** An Envoy that refuses a table with any of the `bad` objects in it, and what it was served of `objects` in turn. */
function envoy(objects: readonly string[], bad: readonly string[], mended = Number.POSITIVE_INFINITY) {
  const out = new Set<string>();
  const served: string[] = [];
  let asked = 0;
  return {
    out,
    served,
    leaveOut: async (name: string) => void out.add(name),
    takeBack: async (name: string) => void out.delete(name),
    isTaken: async () => {
      asked += 1;
      const table = objects.filter((name) => !out.has(name));
      const isTaken = asked >= mended || !table.some((name) => bad.includes(name));
      if (isTaken) served.push(table.join(""));
      return isTaken;
    },
  };
}

describe("the objects that Envoy refuses a table for", () => {
  it("are found one by one, and the others are in every table that it takes", async () => {
    const trial = envoy(["a", "b", "c", "d"], ["b"]);
    expect(await findCulprits(["d", "c", "b", "a"], trial)).toEqual(["b"]);
    expect([...trial.out]).toEqual(["b"]);
    expect(new Set(trial.served)).toEqual(new Set(["acd"]));
  });

  it("can be several, and those that are in order come back", async () => {
    const trial = envoy(["a", "b", "c", "d", "e"], ["a", "d"]);
    expect(await findCulprits(["e", "d", "c", "b", "a"], trial)).toEqual(["d", "a"]);
    expect([...trial.out].sort()).toEqual(["a", "d"]);
    expect(trial.served.at(-1)).toBe("bce");
  });

  it("are not among those that were tried when somebody mended the table", async () => {
    const trial = envoy(["a", "b"], ["b"], 1);
    expect(await findCulprits(["a"], trial)).toEqual([]);
    expect([...trial.out]).toEqual([]);
  });

  it("are none that was suspected, and then nothing is left out", async () => {
    const trial = envoy(["a", "b", "c"], ["c"]);
    expect(await findCulprits(["b", "a"], trial)).toEqual([]);
    expect([...trial.out]).toEqual([]);
    expect(trial.served).toEqual([]);
    expect(await findCulprits([], trial)).toEqual([]);
  });
});
