import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { quoteIdentifier } from "../../identifier.ts";
import { sqlState } from "../../server.ts";
import { inTransaction } from "../../transaction.ts";
import { refuse } from "../refusals.ts";
import { requireTarget } from "./inspect.ts";
import { ensureJournal } from "./journal.ts";
import {
  existingJournalSchema,
  type MigrationConnection,
  type MigrationTarget,
  platformTarget,
  readingTarget,
} from "./target.ts";

const signature = `${existingJournalSchema}.revert_taken_back(bigint, text, text, text, text, integer, text, boolean)`;

/** Whether the database of a table of apps has a role of this name. */
export function isRole(connection: MigrationConnection, role: string): Promise<boolean> {
  return readingTarget(connection, async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
    return rowCount === 1;
  });
}

/**
 * Lets a guard's login take apps of an existing table back: makes the journal and the one function that it may use, by the rights of the
 * migrations' own login, and grants it that. The same again changes nothing.
 *
 * @throws OperatorError when that login does not exist, or this one may not grant it rights
 */
export async function installGuard(client: ClientBase, target: MigrationTarget, role: string): Promise<void> {
  const inspected = await requireTarget(client, target);
  await ensureJournal(client, target);
  const statements = await readFile(join(import.meta.dirname, "guarded.sql"), "utf8");
  const revision = createHash("sha256").update(statements).digest("hex");
  const { table, idName, idType, proxyName, proxyType } = inspected;
  const row = [table, idName, idType, proxyName, proxyType];
  try {
    await inTransaction(client, async () => {
      // Two first runs at once.
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [existingJournalSchema]);
      const { rows } = await client.query<{ revision: string | null }>(
        "SELECT split_part(obj_description(to_regprocedure($1), 'pg_proc'), 'Revision ', 2) AS revision",
        [signature],
      );
      if (rows[0]?.revision !== revision) {
        await client.query(statements);
        await client.query(`COMMENT ON FUNCTION ${signature} IS 'Takes apps back for a guard. Revision ${revision}'`);
      }
      await client.query(
        `INSERT INTO ${existingJournalSchema}.guarded_table AS g (target, id_column, id_type, proxy_column, proxy_type)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (target) DO UPDATE SET id_column = excluded.id_column, id_type = excluded.id_type,
           proxy_column = excluded.proxy_column, proxy_type = excluded.proxy_type`,
        row,
      );
      await client.query(
        `GRANT USAGE ON SCHEMA ${existingJournalSchema} TO ${quoteIdentifier(role)};
         GRANT EXECUTE ON FUNCTION ${signature} TO ${quoteIdentifier(role)}`,
      );
      const granted = await client.query<{ may: boolean }>(
        "SELECT has_schema_privilege($1, $2, 'USAGE') AND has_function_privilege($1, $3, 'EXECUTE') AS may",
        [role, existingJournalSchema, signature],
      );
      // PostgreSQL grants what the login may grant, and warns of the rest.
      if (!granted.rows[0]?.may)
        throw refuse("migration.guard-grants", { role, schema: existingJournalSchema, signature });
    });
  } catch (error) {
    if (sqlState(error) === "42704") throw refuse("migration.guard-unknown", { role }, error);
    throw error;
  }
}

/** Id of the take-back that keeps a pair from going forward; undefined where none does. */
export async function openTakeBackOf(
  client: ClientBase,
  target: MigrationTarget,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<string | undefined> {
  if (!(await hasTakeBacks(client, target))) return undefined;
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM ${target.journal}.take_back
      WHERE target = $1 AND from_id = $2 AND to_id = $3 AND resumed_at IS NULL ORDER BY id DESC LIMIT 1`,
    [target.table, from, to],
  );
  return rows[0]?.id;
}

/** Lets what a take-back keeps from going forward go on, and lets go of what it only held. In one transaction. */
export async function resumeTakeBack(client: ClientBase, target: MigrationTarget, takeBack: string): Promise<void> {
  if (!(await hasTakeBacks(client, target))) return;
  await inTransaction(client, async () => {
    const { rows } = await client.query<{ from: string; to: string; at: string }>(
      `UPDATE ${target.journal}.take_back SET resumed_at = now() WHERE id = $1 AND target = $2 AND resumed_at IS NULL
       RETURNING from_id AS "from", to_id AS "to", opened_at::text AS at`,
      [takeBack, target.table],
    );
    for (const { from, to, at } of rows) {
      await client.query(
        `UPDATE ${target.journal}.zoo_migration SET paused_at = NULL, changed_at = now()
          WHERE target = $1 AND from_id = $2 AND to_id = $3 AND direction = 'forward' AND paused_at = $4::text::timestamptz`,
        [target.table, from, to, at],
      );
    }
  });
}

async function hasTakeBacks(client: ClientBase, { journal }: MigrationTarget): Promise<boolean> {
  if (journal === platformTarget.journal) return false;
  const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [
    `${journal}.take_back`,
  ]);
  return rows[0]?.there ?? false;
}
