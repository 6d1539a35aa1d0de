import { expect, test } from "vitest";
import {
  type AskedField,
  asksPerRound,
  fieldEvidence,
  newPlace,
  roundsNeeded,
} from "../../../../src/domain/proof/fieldTest.ts";

/** A request by its answers: equal numbers are equal answers. */
function asked(...answers: readonly number[]): AskedField {
  return { rounds: answers.length / asksPerRound, differs: (a, b) => answers[a] !== answers[b] };
}

test("one request whose new answers alone differ has the chance of naming them so: a third in each round", () => {
  for (const rounds of [1, 2, 3, 5]) {
    const answers = Array.from({ length: rounds * asksPerRound }, (_, place) =>
      place % asksPerRound === newPlace ? 1 : 0,
    );
    const { p, least } = fieldEvidence([asked(...answers)]);
    expect(p).toBeCloseTo(3 ** -rounds, 12);
    expect(least).toBeCloseTo(3 ** -rounds, 12);
  }
});

test("many requests that differ once are as sure as one that differs often", () => {
  const { p } = fieldEvidence(Array.from({ length: 5 }, () => asked(0, 1, 0)));
  expect(p).toBeCloseTo(3 ** -5, 12);
});

test("where every answer differs from all others, nothing could show a difference", () => {
  const noisy = Array.from({ length: 20 }, (_, request) =>
    asked(...Array.from({ length: 9 }, (_, place) => 100 * request + place)),
  );
  expect(fieldEvidence(noisy)).toEqual({ p: 1, least: 1 });
});

test("nothing at all is no evidence", () => {
  expect(fieldEvidence([])).toEqual({ p: 1, least: 1 });
});

test("a difference that the old side has from itself as often speaks against a change", () => {
  expect(fieldEvidence([asked(0, 0, 1, 0, 0, 1, 0, 0, 1)]).p).toBeCloseTo(1, 9);
});

test("the test is exact: of all ways in which the answers may have been given, at most a share of p has a p so low", () => {
  const pools = [
    [0, 0, 1, 0, 2, 2],
    [0, 1, 0, 0, 2, 0],
  ];
  const ways = allOrders(2 * pools.length).map((places) =>
    fieldEvidence(pools.map((pool, request) => asked(...ordered(pool, places.slice(2 * request, 2 * request + 2))))),
  );
  for (const { p } of ways) {
    const asLow = ways.filter((each) => each.p <= p + 1e-12).length / ways.length;
    expect(asLow).toBeLessThanOrEqual(p + 1e-12);
  }
  expect(Math.min(...ways.map(({ p }) => p))).toBeLessThan(0.05);
});

/** Every choice of which of the three answers of each round the new side gave. */
function allOrders(rounds: number): number[][] {
  return rounds === 0 ? [[]] : allOrders(rounds - 1).flatMap((rest) => [0, 1, 2].map((place) => [...rest, place]));
}

/** The pool with the chosen answer of each round in the new side's place. */
function ordered(pool: readonly number[], chosen: readonly number[]): number[] {
  return chosen.flatMap((place, round) => {
    const [a, b, c] = pool.slice(round * asksPerRound);
    const answers = [a ?? 0, b ?? 0, c ?? 0];
    const [fresh = 0] = answers.splice(place, 1);
    return [answers[0] ?? 0, fresh, answers[1] ?? 0];
  });
}

test("one request alone is asked until it can show a difference at the risk, and no longer", () => {
  expect(roundsNeeded(1, 0.01, 3)).toBe(5);
  expect(roundsNeeded(1, 0.002, 3)).toBe(6);
  expect(roundsNeeded(1, 3 ** -8 * 1.01, 3)).toBe(8);
  // Nothing would come of more.
  expect(roundsNeeded(1, 3 ** -8 * 0.99, 3)).toBe(3);
  expect(roundsNeeded(50, 0.01, 3)).toBe(3);
  expect(roundsNeeded(50, 0.01, 4)).toBe(4);
});
