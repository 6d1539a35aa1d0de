import * as fc from "fast-check";
import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMigration } from "../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../src/domain/progress.ts";
import type { MigrationRequest } from "../../src/domain/zoo/migration.ts";
import { anyStep, userStep, World } from "../integration/adapters/postgres/zoo/migration/world/history.ts";
import { killed, lies, run } from "../integration/adapters/postgres/zoo/migration/world/kill.ts";
import { raced } from "../integration/adapters/postgres/zoo/migration/world/race.ts";
import { fill, type ModelVersionTable, makeModelVersionTable } from "../support/modelVersionTable.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

/** More of test/integration/adapters/postgres/zoo/migration: every point, many histories, servers that crash. */

const numRuns = Number(process.env.MENAGERIE_TEST_HISTORIES ?? 500);
const forward: MigrationRequest = { name: "iris", from: "1", to: "2", direction: "forward" };
const reverted: MigrationRequest = { ...forward, direction: "reverted" };

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(() => postgres.stop());

async function filled(apps = 60): Promise<ModelVersionTable> {
  const table = await makeModelVersionTable(postgres);
  await fill(table, apps);
  return table;
}

describe.each([forward, reverted])("$direction", (request) => {
  it.each(["before", "sent", "after"] as const)("killed with SIGKILL %s each of its statements", async (when) => {
    for (let statement = 1; statement <= 40; statement += 1) {
      const table = await filled();
      const before = await table.digest();
      if (request.direction === "reverted") await run(table, forward);
      await killed(table, request, { statement, when });
      expect(await lies(table)).toEqual([]);
      await run(table, request);
      expect(await lies(table)).toEqual([]);
      await run(table, reverted);
      expect(await table.digest()).toBe(before);
    }
  });
});

it(`${numRuns} histories one after the other are as the model says`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 25 }), async (steps) => {
      const world = await World.make(postgres, 24);
      await world.take({ kind: "reverted", revert: "journaled" });
      for (const step of steps) await world.take(step);
      expect(await world.rows()).toEqual(world.model.rows);
      const journal = [...world.model.journal].map(([id, { state }]) => [id, state] as const);
      expect(await world.journal()).toEqual(new Map(journal));
    }),
    { numRuns },
  );
});

it(`${numRuns} histories with users between the batches and runs that are cut off keep every user's word`, async () => {
  const between = fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), userStep), { maxLength: 30 });
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(between, cuts, async (steps, points) => raced(postgres, steps, points)),
    { numRuns },
  );
});

it("a server that crashes in the middle of it loses whole batches or none", async () => {
  const table = await filled(9_000);
  const before = await table.digest();
  for (const request of [forward, reverted]) {
    for (let crash = 1; crash <= 8; crash += 1) {
      let batches = 0;
      let crashed: Promise<void> | undefined;
      const running = movingTarget(table.connection, (client, target) =>
        runMigration(client, target, request, {
          progress: silent,
          batchRows: 100,
          onMoved: () => {
            batches += 1;
            if (batches === crash) crashed = postgres.crash();
          },
        }),
      );
      await running.catch(() => {});
      await (crashed ?? postgres.crash());
      await postgres.restart();
      expect(await lies(table)).toEqual([]);
    }
    await run(table, request);
  }
  expect(await table.digest()).toBe(before);
});

describe("rows that another session has locked", () => {
  function holding<T>(table: ModelVersionTable, work: (other: ClientBase) => Promise<T>): Promise<T> {
    return table.using(async (other) => {
      await other.query("BEGIN");
      try {
        return await work(other);
      } finally {
        await other.query("ROLLBACK");
      }
    });
  }

  it("for as long as it waits, are told in a sentence, and the rest stays moved", async () => {
    const table = await filled();
    await holding(table, async (other) => {
      await other.query(`UPDATE ${table.name} SET name = name WHERE id = 101`);
      await expect(run(table, forward)).rejects.toThrow(
        /migration iris: rows of .* stay locked by another session .* after 39 rows; end that session's transaction, and run the same again/,
      );
    });
    expect((await run(table, forward)).moved).toBe(1);
  });
});
