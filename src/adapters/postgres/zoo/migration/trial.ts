import type { ClientBase } from "pg";
import { inTransaction } from "../../transaction.ts";
import { requirePointable } from "../pointedVersions.ts";
import { refuse } from "../refusals.ts";
import { type MigrationTarget, platformTarget } from "./target.ts";

/** One row that is pointed at another version to try it. */
export interface Trial {
  readonly name: string;
  readonly rowId: string;
  /** Version that it points at now. */
  readonly from: string;
  readonly to: string;
}

/**
 * Points one row of the platform's tables at another version and journals it, as a migration of its own pair. Throws an
 * OperatorError when the row points elsewhere by now.
 */
export function startTrial(client: ClientBase, { name, rowId, from, to }: Trial): Promise<void> {
  const { journal } = platformTarget;
  return inTransaction(client, async () => {
    const opened = await client.query<{ id: string; generation: number }>(
      `INSERT INTO ${journal}.zoo_migration (target, from_id, to_id, name, direction, state)
       VALUES ($1, $2, $3, $4, 'forward', 'done')
       ON CONFLICT (target, from_id, to_id) DO UPDATE SET changed_at = now()
       RETURNING id, generation`,
      [platformTarget.table, from, to, name],
    );
    await point(client, platformTarget, rowId, from, to);
    await requirePointable(client, "try", to, from);
    await client.query(
      `INSERT INTO ${journal}.zoo_migration_row (migration_id, row_id, old_value, new_value, state, generation)
       VALUES ($1, $2, $3, $4, 'forward', $5)
       ON CONFLICT (migration_id, row_id) DO UPDATE
          SET state = 'forward', generation = excluded.generation, moved_at = now(), reverted_at = NULL`,
      [opened.rows[0]?.id, rowId, from, to, opened.rows[0]?.generation],
    );
  });
}

/**
 * Points a row back that a trial had pointed at `to`, and answers where it points now. Undefined when no trial of it is
 * open.
 */
export function endTrial(client: ClientBase, rowId: string, to: string): Promise<string | undefined> {
  const { journal } = platformTarget;
  return inTransaction(client, async () => {
    const { rows } = await client.query<{ migrationId: string; from: string }>(
      `SELECT m.id AS "migrationId", j.old_value AS "from"
         FROM ${journal}.zoo_migration m JOIN ${journal}.zoo_migration_row j ON j.migration_id = m.id
        WHERE m.target = $1 AND m.to_id = $2 AND j.row_id = $3 AND j.state = 'forward'
        ORDER BY j.moved_at DESC LIMIT 1 FOR UPDATE OF j`,
      [platformTarget.table, to, rowId],
    );
    const open = rows[0];
    if (!open) return undefined;
    await point(client, platformTarget, rowId, to, open.from);
    await requirePointable(client, "reverted", open.from, to);
    await client.query(
      `UPDATE ${journal}.zoo_migration_row SET state = 'reverted', reverted_at = now()
        WHERE migration_id = $1 AND row_id = $2`,
      [open.migrationId, rowId],
    );
    return open.from;
  });
}

async function point(client: ClientBase, target: MigrationTarget, rowId: string, from: string, to: string) {
  const { rowCount } = await client.query(
    `UPDATE ${target.table} SET ${target.proxy} = $3 WHERE ${target.id} = $1 AND ${target.proxy} = $2`,
    [rowId, from, to],
  );
  if (rowCount !== 1) {
    throw refuse("trial.points-elsewhere", { rowId, from });
  }
}
