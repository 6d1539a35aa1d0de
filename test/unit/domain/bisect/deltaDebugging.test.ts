import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { minimalParts, type SubsetOutcome } from "../../../../src/domain/bisect/deltaDebugging.ts";

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe("delta debugging", () => {
  test("finds one part among many in about 2 log2 n tests", async () => {
    for (const count of [1, 2, 3, 8, 16, 31]) {
      for (const part of numbers(count)) {
        let tests = 0;
        const { parts, unresolved } = await minimalParts(numbers(count), async (subset) => {
          tests += 1;
          return subset.includes(part) ? "shows" : "does not";
        });
        expect({ parts, unresolved }).toEqual({ parts: [part], unresolved: [] });
        expect(tests).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count)));
      }
    }
  });

  test("finds exactly the parts that do it only together", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 16 }).chain(wantedOf), async ({ count, wanted }) => {
        let tests = 0;
        const { parts, unresolved } = await minimalParts(numbers(count), async (subset) => {
          tests += 1;
          return wanted.every((part) => subset.includes(part)) ? "shows" : "does not";
        });
        expect({ parts, unresolved }).toEqual({ parts: wanted, unresolved: [] });
        expect(tests).toBeLessThanOrEqual(count ** 2 + 3 * count);
      }),
      { numRuns: 500 },
    );
  });

  test("whatever subsets do, the answer shows the fault, and no part of it is needless unless that could not be judged", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.integer(), async (count, seed) => {
        const asked = new Map<string, number>();
        const outcomeOf = (subset: readonly number[]): SubsetOutcome => {
          if (subset.length === count) return "shows";
          const kinds = ["shows", "does not", "unresolved"] as const;
          return kinds[Math.abs(hashOf([seed, ...subset])) % 3] ?? "unresolved";
        };
        const { parts, unresolved } = await minimalParts(numbers(count), async (subset) => {
          asked.set(subset.join(), (asked.get(subset.join()) ?? 0) + 1);
          expect(subset.length).toBeGreaterThan(0);
          expect(subset.length).toBeLessThan(count);
          return outcomeOf(subset);
        });
        expect([...asked.values()].every((times) => times === 1)).toBe(true);
        expect(outcomeOf(parts)).toBe("shows");
        if (parts.length < 2) return;
        for (const part of parts) {
          const rest = parts.filter((each) => each !== part);
          const isUnresolved = unresolved.some((subset) => subset.join() === rest.join());
          expect(outcomeOf(rest)).toBe(isUnresolved ? "unresolved" : "does not");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("parts that do not start without each other are named together, as not known to be all needed", async () => {
    const { parts, unresolved } = await minimalParts(["model a", "model b", "config c"], async (subset) => {
      if (subset.includes("model a") !== subset.includes("model b")) return "unresolved";
      return subset.includes("model a") ? "shows" : "does not";
    });
    expect(parts).toEqual(["model a", "model b"]);
    expect(unresolved).toEqual([["model b"], ["model a"]]);
  });
});

function wantedOf(count: number) {
  return fc.record({
    count: fc.constant(count),
    wanted: fc
      .uniqueArray(fc.integer({ min: 0, max: count - 1 }), { minLength: 1 })
      .map((parts) => parts.toSorted((a, b) => a - b)),
  });
}

function hashOf(values: readonly number[]): number {
  return values.reduce((hash, value) => Math.imul(hash ^ (value + 0x9e3779b9), 0x01000193) ^ (hash >>> 13), 0x811c9dc5);
}
