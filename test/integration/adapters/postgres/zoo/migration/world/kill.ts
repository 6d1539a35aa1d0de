import { join } from "node:path";
import { runMigration } from "../../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../../src/domain/progress.ts";
import type { MigrationRequest } from "../../../../../../../src/domain/zoo/migration.ts";
import type { KillPoint } from "../../../../../../support/killing/killedAtPoints.ts";
import { killedProcess } from "../../../../../../support/killing/killedProcess.ts";
import type { ModelVersionTable } from "../../../../../../support/modelVersionTable.ts";
import { watched } from "./client.ts";
import type { KilledRuns } from "./killedRun.ts";

/** So that a run has many statements to fail at. */
const batchRows = 4;

/** Runs it to its end. */
export function run({ connection }: ModelVersionTable, request: MigrationRequest) {
  return movingTarget(connection, (client, target) =>
    runMigration(client, target, request, { progress: silent, batchRows }),
  );
}

/**
 * Runs the same on each table in one process, which is killed when every run is at its point or through; answers which runs
 * it cut off.
 */
export async function killedTogether(
  tables: readonly ModelVersionTable[],
  request: MigrationRequest,
  points: readonly KillPoint[],
): Promise<boolean[]> {
  const runs = points.flatMap((point, place) => {
    const table = tables[place];
    return table ? [{ connection: table.connection, point }] : [];
  });
  const job: KilledRuns = { request, batchRows, runs };
  return killedProcess(join(import.meta.dirname, "killedRun.ts"), job, runs.length);
}

/** {@link killedTogether} of one. */
export async function killed(table: ModelVersionTable, request: MigrationRequest, point: KillPoint): Promise<boolean> {
  const [wasKilled = false] = await killedTogether([table], request, [point]);
  return wasKilled;
}

/** Runs it on a connection that the server ends before the given statement; answers whether it came to that. */
export async function disconnected(
  table: ModelVersionTable,
  request: MigrationRequest,
  statement: number,
): Promise<boolean> {
  let ended = false;
  const running = movingTarget(table.connection, async (client, target) => {
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    const cut = watched(client, {
      async before(number) {
        if (number !== statement) return;
        ended = true;
        await table.query("SELECT pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
      },
    });
    return runMigration(cut, target, request, { progress: silent, batchRows });
  });
  const failure = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure !== undefined && !ended) throw failure;
  // Without a failure all was done, and only the lock was left to give back.
  return failure !== undefined;
}

/** What must hold at any moment: the journal says `forward` of exactly the rows that a run moved and did not move back. */
export async function lies({ query, name }: ModelVersionTable): Promise<object[]> {
  const there = await query("SELECT FROM pg_tables WHERE schemaname = 'menagerie_migrations'");
  if (there.length === 0) return query(`SELECT v.id FROM ${name} v WHERE v.proxy_model_version_id = 2`);
  return query(
    `SELECT v.id, v.proxy_model_version_id AS proxy, j.state
       FROM ${name} v LEFT JOIN menagerie_migrations.zoo_migration m ON m.target = $1
       LEFT JOIN menagerie_migrations.zoo_migration_row j ON j.migration_id = m.id AND j.row_id = v.id::text
      WHERE v.id > 100 AND (v.proxy_model_version_id = 2) <> coalesce(j.state = 'forward', false)`,
    [name],
  );
}
