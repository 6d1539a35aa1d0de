import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isSampled } from "../../../../src/domain/recording/sampling.ts";

describe("isSampled", () => {
  it("takes the share that is asked for, of random ids and of ids that are counted up alike", () => {
    const ids = 40_000;
    for (const idOf of [() => randomUUID(), (index: number) => `request-${index}`]) {
      const taken = Array.from({ length: ids }, (_, index) => idOf(index)).filter((id) => isSampled(id, 10));
      // Five standard deviations of a binomial distribution: 300.
      expect(Math.abs(taken.length - ids / 10)).toBeLessThan(300);
    }
  });

  it("takes at a share what it takes at a smaller one, all at 100 and none at 0", () => {
    for (let index = 0; index < 2_000; index += 1) {
      const id = randomUUID();
      if (isSampled(id, 3)) expect(isSampled(id, 30)).toBe(true);
      expect([isSampled(id, 0), isSampled(id, 100)]).toEqual([false, true]);
    }
  });

  it("decides by the id as it always did, for recorders of two versions work side by side", () => {
    const ids = ["a", "b", "c", "3f8a2c1e-5d6b-4f7a-9e0d-1c2b3a4d5e6f", ""];
    expect(ids.map((id) => isSampled(id, 50))).toMatchInlineSnapshot(`
      [
        true,
        false,
        true,
        false,
        false,
      ]
    `);
  });
});
