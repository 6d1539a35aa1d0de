import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../../../../support/postgres.ts";
import { anyStep, userStep, World } from "./world/history.ts";
import { raced } from "./world/race.ts";

/** Random histories of users and runs, on a real PostgreSQL. The campaign of many is test/soak/zooMigration.test.ts. */

const numRuns = Number(process.env.MENAGERIE_TEST_HISTORIES ?? 20);

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(() => postgres.stop());

it("one after the other leave table and journal exactly as the model says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 12 }), async (steps) => {
      const world = await World.make(postgres, 24);
      // So that there is a journal to read.
      await world.take({ kind: "reverted", revert: "journaled" });
      for (const step of steps) await world.take(step);
      expect(await world.rows()).toEqual(world.model.rows);
      const journal = [...world.model.journal].map(([id, { state }]) => [id, state] as const);
      expect(await world.journal()).toEqual(new Map(journal));
    }),
    { numRuns },
  );
});

it("with users who work between the batches, and runs that are cut off, keep every user's word", async () => {
  const between = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), userStep), { maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 8, max: 30 }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(between, cuts, async (steps, points) => raced(postgres, steps, points)),
    { numRuns },
  );
});
