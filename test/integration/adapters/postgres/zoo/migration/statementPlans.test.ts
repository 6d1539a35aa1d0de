import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTarget } from "../../../../../../src/adapters/postgres/zoo/migration/inspect.ts";
import {
  findMigration,
  settledCounts,
  settledRows,
} from "../../../../../../src/adapters/postgres/zoo/migration/journal.ts";
import { plannerSettings } from "../../../../../../src/adapters/postgres/zoo/migration/planner.ts";
import { runMigration } from "../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import {
  countForward,
  countPointing,
  countRevert,
  countSweep,
  forwardBatch,
  openRows,
  revertBatch,
  type Statement,
  sweepBatch,
} from "../../../../../../src/adapters/postgres/zoo/migration/statements.ts";
import { movingTarget } from "../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../src/domain/progress.ts";
import { fill, type ModelVersionTable, makeModelVersionTable } from "../../../../../support/modelVersionTable.ts";
import { startPostgres, type TestPostgres } from "../../../../../support/postgres.ts";

/**
 * What each statement of a migration costs on a journal that was never analyzed, over a table whose statistics are from before
 * its rows moved: PostgreSQL then takes the new version for one that nobody points at, and the journal for empty.
 */

let postgres: TestPostgres;
let table: ModelVersionTable;

/** Rows that forward moves. */
const rows = 4_000;
const pair = { name: "iris", from: "1", to: "2" } as const;

beforeAll(async () => {
  // Autovacuum would analyze the journal in the middle of the test.
  postgres = await startPostgres(["fsync=off", "autovacuum=off"]);
  table = await makeModelVersionTable(postgres);
  await fill(table, rows * 1.5);
  await table.query(`ANALYZE ${table.name}`);
  await movingTarget(table.connection, (client, target) =>
    runMigration(client, target, { ...pair, direction: "forward" }, { progress: silent }),
  );
  // What a run has analyzed itself is unknown again, as on a platform whose migrator does not own the journal.
  await table.query(`DELETE FROM pg_statistic WHERE starelid = 'menagerie_migrations.zoo_migration_row'::regclass`);
  await table.query(
    `UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'menagerie_migrations.zoo_migration_row'::regclass`,
  );
});

afterAll(() => postgres.stop());

interface PlanNode {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows that a statement looked at, kept or not, in all nodes of its plan. */
function looked(node: PlanNode): number {
  const removed =
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0);
  const own = (node["Actual Rows"] + removed) * node["Actual Loops"];
  return (node.Plans ?? []).reduce((sum, plan) => sum + looked(plan), own);
}

/** Runs the statement, and takes back what it did. */
async function cost(statement: Statement, settings: string): Promise<number> {
  return table.using(async (client: ClientBase) => {
    await client.query("BEGIN");
    await client.query(settings);
    const { rows: found } = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${statement.text}`,
      [...statement.values],
    );
    await client.query("ROLLBACK");
    return looked(found[0]?.["QUERY PLAN"][0].Plan as PlanNode);
  });
}

async function migration() {
  return movingTarget(table.connection, async (client, named) => {
    const target = await requireTarget(client, named);
    const found = await findMigration(client, target, pair);
    if (!found) throw new Error("nothing was journaled");
    return { target, found };
  });
}

/** Looks at each row of a batch, its journal and the version that it points at: not more than a dozen times. */
const perRow = 12;

describe.each([
  ["as a run and a plan set them", plannerSettings],
  ["as PostgreSQL has them", "SELECT 1"],
])("with the planner's settings %s", (_what, settings) => {
  it.each([countForward, countPointing, countRevert, countSweep, openRows])(
    "$name looks at each row a few times",
    async (build) => {
      const { target, found } = await migration();
      expect(await cost(build(target, found), settings)).toBeLessThan(perRow * rows);
    },
  );

  it("pages of the journal, and its sums, look at each row a few times", async () => {
    const { target, found } = await migration();
    expect(await cost(settledCounts(target, found.id), settings)).toBeLessThan(perRow * rows);
    expect(await cost(settledRows(target, found.id, "", ["forward"]), settings)).toBeLessThan(perRow * rows);
  });
});

describe.each([500, 5_000])("a batch of %d looks at its own rows and no others", (batch) => {
  it.each(["skip", "wait", "none"] as const)("forward, locks: %s", async (locks) => {
    const { target, found } = await migration();
    const record = { ...found, from: "2", to: "1" };
    await table.query("UPDATE menagerie_migrations.zoo_migration SET direction = 'forward', generation = 2");
    const statement = forwardBatch(target, { ...record, generation: 2 }, { after: null, limit: batch, locks });
    expect(await cost(statement, plannerSettings)).toBeLessThan(2 * perRow * batch);
    await table.query("UPDATE menagerie_migrations.zoo_migration SET generation = 1");
  });

  it.each(["skip", "wait"] as const)("revert and sweep, locks: %s", async (locks) => {
    const { target, found } = await migration();
    await table.query("UPDATE menagerie_migrations.zoo_migration SET direction = 'reverted'");
    for (const build of [revertBatch, sweepBatch]) {
      const statement = build(target, found, { after: null, limit: batch, locks });
      expect(await cost(statement, plannerSettings)).toBeLessThan(2 * perRow * batch);
    }
    await table.query("UPDATE menagerie_migrations.zoo_migration SET direction = 'forward'");
  });
});
