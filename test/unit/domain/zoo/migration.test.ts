import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sentenceOf } from "../../../../src/domain/refusals/clause.ts";
import {
  describeMigrationPlan,
  migrationStanding,
  requestIssues,
  seconds,
} from "../../../../src/domain/zoo/migration.ts";
import { cohortBucket, cohortLimit, inCohort } from "../../../../src/domain/zoo/migrationCohort.ts";
import { mapIssues, type VersionPair } from "../../../../src/domain/zoo/migrationMap.ts";
import {
  afterFailure,
  batchLimits,
  batchTarget,
  describePace,
  estimateSeconds,
  mostTries,
  nextBatch,
  throttleDelay,
} from "../../../../src/domain/zoo/migrationPace.ts";

const pair = (from: string, to: string): VersionPair => ({ name: `${from}${to}`, from, to });

describe("a map of old to new versions", () => {
  it("may have chains, and the same pair twice", () => {
    expect(mapIssues([pair("a", "b"), pair("b", "c"), pair("x", "c"), pair("a", "b")])).toEqual([]);
  });

  it("is refused with a version that moves to two others", () => {
    expect(mapIssues([pair("a", "b"), pair("a", "c")])).toEqual([
      { problem: "ab and ac: version a moves to b and to c", fix: "keep one" },
    ]);
  });

  it("is refused with a cycle, told once", () => {
    expect(mapIssues([pair("x", "a"), pair("a", "b"), pair("b", "c"), pair("c", "a")])).toEqual([
      { problem: "ab: the map goes round, a → b → c → a", fix: "remove one of the pairs" },
    ]);
    expect(mapIssues([pair("a", "a")]).map(sentenceOf)).toEqual([
      "aa: the map goes round, a → a; remove one of the pairs",
    ]);
  });

  it("is refused exactly when a version can be reached from itself", () => {
    const id = fc.integer({ min: 0, max: 8 }).map(String);
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(id, id), { selector: ([from]) => from, maxLength: 9 }), (entries) => {
        const next = new Map(entries);
        const reachesItself = (start: string) => {
          let at = next.get(start);
          for (let step = 0; step < 20 && at !== undefined && at !== start; step += 1) at = next.get(at);
          return at === start;
        };
        const cyclic = [...next.keys()].some(reachesItself);
        expect(mapIssues(entries.map(([from, to]) => pair(from, to))).length > 0).toBe(cyclic);
      }),
    );
  });
});

describe("cohorts", () => {
  it("are nested: a larger share holds a smaller one, 100 % everybody, and the rollout's name shuffles them", () => {
    const share = fc.double({ min: 0.01, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string()), share, share, (rollout, organization, one, other) => {
        const [less, more] = one < other ? [one, other] : [other, one];
        if (inCohort(rollout, organization, less)) expect(inCohort(rollout, organization, more)).toBe(true);
        expect(inCohort(rollout, organization, 100)).toBe(true);
      }),
    );
    expect(cohortBucket("iris", "7")).not.toBe(cohortBucket("wine", "7"));
    // SHA-256 of "iris:7" begins with these bytes: what databases compute must not drift.
    expect(cohortBucket("iris", "7").toString(16)).toBe("a85a9e23");
  });

  it("have about the size that they say", () => {
    const organizations = Array.from({ length: 20_000 }, (_, index) => String(index));
    for (const share of [1, 10, 50]) {
      const inside = organizations.filter((each) => inCohort("iris", each, share)).length / organizations.length;
      // Five standard deviations of a fair draw.
      const spread = 5 * Math.sqrt((share / 100) * (1 - share / 100) * (1 / organizations.length));
      expect(Math.abs(inside - share / 100)).toBeLessThan(spread);
    }
    expect(cohortLimit(100)).toBe(2 ** 32);
  });
});

describe("the pace", () => {
  it("settles at batches that take the time they should, whatever a row costs", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.02, max: 90, noNaN: true }), (msPerRow) => {
        let batch: number = batchLimits.first;
        for (let round = 0; round < 30; round += 1) batch = nextBatch(batch, batch * msPerRow);
        expect(batch).toBeGreaterThanOrEqual(batchLimits.least);
        expect(batch).toBeLessThanOrEqual(batchLimits.most);
        if (batch > batchLimits.least) expect((batch - 1) * msPerRow).toBeLessThanOrEqual(batchTarget + msPerRow);
      }),
    );
  });

  it("never exceeds the rate, over any run of batches", () => {
    const batches = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 500, noNaN: true })),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), batches, (rate, list) => {
        let [rows, clock] = [0, 0];
        for (const [wanted, took] of list) {
          const batch = nextBatch(wanted, took, rate);
          expect(batch).toBeLessThanOrEqual(rate);
          rows += batch;
          clock += took;
          clock += throttleDelay(rows, clock, rate);
          expect(rows).toBeLessThanOrEqual((rate * clock) / 1_000 + 1e-3);
        }
      }),
    );
    expect(throttleDelay(1_000_000, 1)).toBe(0);
  });

  it("tries again what passes, with ever fewer rows, and not for ever", () => {
    for (const state of ["40P01", "55P03", "57014", "40001"]) {
      expect(afterFailure(state, 1, 1_000)).toEqual({ retryAfterMs: 50, batch: 250 });
      expect(afterFailure(state, 8, 1)).toEqual({ retryAfterMs: 2_000, batch: 1 });
      expect(afterFailure(state, mostTries, 1)).toBe("fail");
    }
    for (const state of ["23514", "42501", "57P01", undefined]) expect(afterFailure(state, 1, 1_000)).toBe("fail");
  });

  it("is told in rows, rate and time left", () => {
    expect(describePace(500, 1_500, 1_000)).toBe("500 of 1500 rows, 500 rows/s, 2 s left");
    expect(describePace(0, 10, 5)).toBe("0 of 10 rows, 0 rows/s, not known how long");
    expect([0, 119.5, 120, 7_300].map(seconds)).toEqual(["0 s", "120 s", "2 min", "2.0 h"]);
    expect(estimateSeconds(0, 100)).toBe(0);
    expect(estimateSeconds(1_000, 100)).toBe(10);
    expect(estimateSeconds(1_000, 100, 10)).toBe(100);
  });
});

describe("a request", () => {
  it("is told with rows, users and time", () => {
    const plan = { rows: 12, users: 9, estimatedSeconds: 1.2, obstacles: [], notes: [], journaled: undefined };
    const request = { name: "iris", from: "4", to: "7", direction: "forward" } as const;
    expect(describeMigrationPlan(plan, request)).toBe("12 rows of 9 users move from 4 to 7, about 2 s");
    expect(describeMigrationPlan({ ...plan, rows: 1, users: null }, { ...request, direction: "reverted" })).toBe(
      "1 row moves back from 7 to 4, about 2 s",
    );
  });

  it("runs, stays or is refused by what the journal says, and says so with the migration's id", () => {
    const request = { name: "iris", from: "4", to: "7", direction: "forward" } as const;
    const changedAt = new Date(0);
    const journaled = { id: "3", direction: "forward", share: 100, held: false, changedAt } as const;
    const standing = (entered: boolean, change: object = {}, found: object = {}, rows = 5) =>
      migrationStanding({ rows, journaled: { ...journaled, ...found } }, { ...request, ...change }, entered);
    expect(standing(true)).toEqual({ runs: true, note: "", obstacle: undefined });
    expect(standing(true, { share: 20 }, { share: 50 }).note).toBe(", 20 % of the organizations (50 % had moved)");
    expect(standing(true, { paused: true }, { held: true })).toMatchObject({ runs: false, obstacle: undefined });
    const held = "held by hand as migration 3: nothing moves until `menagerie rollout resume --id 3`";
    expect(standing(true, {}, { held: true })).toEqual({ runs: false, note: `, ${held}`, obstacle: undefined });
    expect(standing(false, {}, { held: true })).toMatchObject({ runs: false, obstacle: { problem: held, fix: "" } });
    expect(standing(false, {}, { held: true }, 0)).toMatchObject({ obstacle: undefined });
    const turned = standing(true, { direction: "reverted" });
    expect(turned).toMatchObject({ runs: false, obstacle: undefined });
    expect(turned.note).toContain(
      "moved forward by hand since, so they stay; move them by `menagerie rollout revert --id 7 --to 4`",
    );
    expect(standing(false, { direction: "reverted" })).toMatchObject({ runs: true });
  });

  it("goes forward again after a false alarm, unless somebody moved its rows since", () => {
    const request = { name: "iris", from: "4", to: "7", direction: "forward" } as const;
    const changedAt = new Date(1_000);
    const journaled = { id: "3", direction: "reverted", share: 100, held: false, changedAt } as const;
    const standing = (resumed: { id: string; at: Date | undefined }, found: object = {}) =>
      migrationStanding({ rows: 5, journaled: { ...journaled, ...found } }, request, true, {
        isTakenBack: false,
        resumed,
      });
    expect(standing({ id: "9", at: new Date(2_000) })).toEqual({ runs: true, note: "", obstacle: undefined });
    expect(standing({ id: "9", at: new Date(500) })).toMatchObject({ runs: false });
    // Of another database, which knows the take-back itself.
    expect(standing({ id: "9", at: undefined })).toMatchObject({ runs: false });
    expect(standing({ id: "9", at: undefined }, { takeBack: "8" })).toMatchObject({ runs: false });
    expect(standing({ id: "9", at: undefined }, { takeBack: "9" })).toEqual({
      runs: true,
      note: "",
      obstacle: undefined,
      resumes: "9",
    });
    const held = { takeBack: "9", direction: "forward", held: true };
    expect(standing({ id: "9", at: undefined }, held)).toMatchObject({ runs: true, resumes: "9" });
  });

  it("is refused for values that mean nothing", () => {
    const request = { name: "iris", from: "4", to: "7", direction: "forward" } as const;
    expect(requestIssues(request)).toEqual([]);
    for (const change of [{ share: 0 }, { share: 101 }, { share: Number.NaN }, { rowsPerSecond: 0.5 }, { to: "4" }]) {
      expect(requestIssues({ ...request, ...change })).toHaveLength(1);
    }
  });
});
