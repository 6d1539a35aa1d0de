import { describe, expect, it, test } from "vitest";
import { drawnWithin, everyHash, type HashRange } from "../../../../src/domain/judgement/hashedUsers.ts";
import { margin, risk } from "../../../support/judge/errorRollout.ts";
import { type HashedScenario, hashedRollout } from "../../../support/judge/hashedRollout.ts";
import { binomialTail } from "../../../support/judge/table.ts";
import type { UserOutcome } from "../../../support/judge/userRollout.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

describe("a user's draw by the hash of a header", () => {
  const range = (from: number, until: number): HashRange => ({ from, until });

  it("is a coin of the weight when the user is seen first", () => {
    expect(drawnWithin(everyHash, 10, true)).toEqual({ known: range(9_000, 10_000), chance: 0.1 });
    expect(drawnWithin(everyHash, 10, false)).toEqual({ known: range(0, 9_000), chance: 0.1 });
    expect(drawnWithin(everyHash, 0.5, true)).toEqual({ known: range(9_950, 10_000), chance: 0.005 });
  });

  it("is what was left under another weight, and nothing where the side was known", () => {
    const old = range(0, 9_900);
    expect(drawnWithin(old, 10, true)).toEqual({ known: range(9_000, 9_900), chance: 900 / 9_900 });
    expect(drawnWithin(old, 10, false)).toEqual({ known: range(0, 9_000), chance: 900 / 9_900 });
    expect(drawnWithin(old, 1, false)).toEqual({ known: old, chance: undefined });
    const fresh = range(9_000, 10_000);
    expect(drawnWithin(fresh, 50, true)).toEqual({ known: fresh, chance: undefined });
    // Where the weight falls, those who came last go back first.
    expect(drawnWithin(fresh, 5, true)).toEqual({ known: range(9_500, 10_000), chance: 0.5 });
    expect(drawnWithin(fresh, 5, false)).toEqual({ known: range(9_000, 9_500), chance: 0.5 });
  });

  it("is nothing for good once a user was where this hash cannot be", () => {
    const lost = drawnWithin(range(9_000, 10_000), 50, false);
    expect(lost.chance).toBeUndefined();
    for (const weight of [1, 10, 50, 90])
      for (const isNew of [true, false]) expect(drawnWithin(lost.known, weight, isNew).chance).toBeUndefined();
  });
});

const rollouts = wholeMatrix ? 2_000 : 100;
const base = 0.005;

/** Some twenty requests, each of which fails by itself. */
function requests(random: () => number, chance: number): UserOutcome {
  const count = 1 + Math.floor(-20 * Math.log(1 - random()));
  const failed = Array.from({ length: count }, () => random() < chance);
  return { first: failed[0] ?? false, share: failed.filter(Boolean).length / count };
}

const wholly = (fails: boolean): UserOutcome => ({ first: fails, share: fails ? 1 : 0 });
const more = (side: "new" | "old", points: number) => (side === "new" ? base + points : base);
/** Four in a hundred users, always the same, whatever answers them. */
const troubled: HashedScenario = {
  name: "equal, the same users fail under each weight",
  outcome: (_random, _side, { kind }) => wholly(kind < 0.04),
  comes: () => true,
  users: 200,
};

describe(`${rollouts} rollouts of users whom a header keeps on their side`, { timeout: 3_600_000 }, () => {
  const takenBack = (scenario: HashedScenario, counted?: Parameters<typeof hashedRollout>[2]) =>
    Array.from({ length: rollouts }, (_, seed) => hashedRollout(scenario, seed, counted)).filter(
      (by) => by !== undefined,
    );

  test.each<HashedScenario>([
    { name: "equal, each request by itself", outcome: (random) => requests(random, base) },
    troubled,
    {
      name: "equal, who failed comes again more often",
      outcome: (random, _, { kind }) => wholly(kind < 0.05 && random() < 0.5),
      comes: (random, { failed = 0 }) => random() < (failed > 0 ? 0.95 : 0.3),
    },
    {
      name: "equal, who failed stays away",
      outcome: (random, _, { kind }) => wholly(kind < 0.05 && random() < 0.5),
      comes: (random, { failed = 0 }) => random() < (failed > 0 ? 0.05 : 0.6),
    },
    { name: "errors +1 point (the margin)", outcome: (random, side) => requests(random, more(side, margin)) },
    {
      name: "the margin, of users who fail wholly",
      outcome: (_random, side, { kind }) => wholly(kind < more(side, margin)),
      comes: () => true,
    },
  ])("$name: not taken back, beyond the risk", (scenario) => {
    const { length } = takenBack(scenario);
    expect(binomialTail(length, rollouts, risk / 2), `${length} of ${rollouts}`).toBeGreaterThan(0.001);
  });

  test.each<[string, "errors" | "users", HashedScenario["outcome"]]>([
    ["every request fails", "errors", (_random, side) => wholly(side === "new")],
    [
      "after the first, half of a user's requests fail",
      "users",
      (random, side) => ({ first: false, share: side === "new" ? 0.5 : requests(random, base).share }),
    ],
  ])("%s: taken back, by %s", (name, by, outcome) => {
    const taken = takenBack({ name, outcome });
    expect(taken.length).toBeGreaterThan(0.95 * rollouts);
    expect(taken.filter((each) => each === by).length).toBeGreaterThan(0.95 * taken.length);
  });

  test("users who are counted as new under each weight take equal versions back beyond the risk", () => {
    const { length } = takenBack(troubled, "as new");
    expect(binomialTail(length, rollouts, risk / 2), `${length} of ${rollouts}`).toBeLessThan(0.001);
  });
});
