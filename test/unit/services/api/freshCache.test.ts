import { describe, expect, it } from "vitest";
import { freshCache } from "../../../../src/services/api/freshCache.ts";

class Away extends Error {}

/** A cache over a question that answers how often it was asked, or fails. */
function cache({ staleFor = 10_000 } = {}) {
  let time = 0;
  let asked = 0;
  let failure: Error | undefined;
  const ask = freshCache(
    async () => {
      asked += 1;
      if (failure) throw failure;
      return asked;
    },
    { now: () => time, otherwise: { isAway: (error) => error instanceof Away, staleFor } },
  );
  return {
    ask: () => ask("a"),
    other: () => ask("b"),
    wait(milliseconds: number): void {
      time += milliseconds;
    },
    fails(error: Error | undefined): void {
      failure = error;
    },
    asked: () => asked,
  };
}

describe("an answer that may stand in", () => {
  it("does so while the database is away, and not for long", async () => {
    const { ask, wait, fails } = cache();
    expect(await ask()).toBe(1);
    fails(new Away());
    for (let each = 0; each < 9; each += 1) {
      wait(1_000);
      expect(await ask()).toBe(1);
    }
    wait(1_500);
    await expect(ask()).rejects.toThrow(Away);
  });

  it("is replaced as soon as the database is back", async () => {
    const { ask, wait, fails, asked } = cache();
    await ask();
    fails(new Away());
    wait(600);
    expect(await ask()).toBe(1);
    fails(undefined);
    wait(1_001);
    expect(await ask()).toBe(asked());
    expect(asked()).toBe(3);
  });

  it("spares the others the question for a second", async () => {
    const { ask, other, wait, fails, asked } = cache();
    await ask();
    await other();
    fails(new Away());
    wait(600);
    await ask();
    for (let each = 0; each < 5; each += 1) expect(await other()).toBe(2);
    expect(asked()).toBe(3);
  });

  it("is none for another failure, and none for who was never answered", async () => {
    const { ask, other, wait, fails } = cache();
    await ask();
    wait(600);
    fails(new TypeError("a defect"));
    await expect(ask()).rejects.toThrow("a defect");
    fails(new Away());
    await expect(other()).rejects.toThrow(Away);
  });
});

it("a question is put once for everybody who asks in half a second", async () => {
  const { ask, wait, asked } = cache();
  await Promise.all([ask(), ask(), ask()]);
  wait(499);
  await ask();
  expect(asked()).toBe(1);
  wait(1);
  await ask();
  expect(asked()).toBe(2);
});
