import type { ClientBase } from "pg";
import { OperatorError } from "../../../domain/errors.ts";
import { roles } from "../../../domain/platformDatabase.ts";
import { quoteIdentifier } from "../identifier.ts";
import { sqlState } from "../server.ts";
import { actAs } from "../transaction.ts";
import { copiedColumns } from "./copiedColumns.ts";
import { declareTables } from "./declare.ts";
import type { ReleaseStateSpec } from "./ensure.ts";
import { ensureExtensions } from "./extensions.ts";
import { requireFitting, type TriedTable } from "./fits.ts";
import { relationOf } from "./relations.ts";

/** What takes longer is not waited for in a preview, in seconds. */
const patienceSeconds = 20;

/**
 * Runs the SQL files of a state in a transaction that is rolled back, checks that each table can be copied, and copies there what is
 * not made as before, so that a preview refuses what an `up` would. Answers whether it could be tried: a login that only reads cannot.
 *
 * @throws OperatorError for files that PostgreSQL refuses, and for tables that cannot be copied.
 */
export async function tryState(
  client: ClientBase,
  { tag, files, tables, extensions = [] }: Pick<ReleaseStateSpec, "tag" | "files" | "tables" | "extensions">,
): Promise<boolean> {
  if (!(await mayTry(client))) return false;
  // Of its own for each preview, so that none waits for another.
  const schema = `menagerie_preview_${await backend(client)}`;
  await client.query("BEGIN");
  try {
    await client.query(`SET LOCAL statement_timeout = '${patienceSeconds}s'; SET LOCAL lock_timeout = '2s'`);
    await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${roles.state}`);
    await ensureExtensions(client, extensions);
    await actAs(client, roles.state);
    await declareTables(client, { tag, schema, files, tables });
    await client.query("SET LOCAL search_path TO pg_catalog");
    const tried: TriedTable[] = [];
    for (const { name: table, seed, from, columns: expressions = {} } of tables) {
      if (seed !== "copy" || from === null || (await relationOf(client, schema, table))?.partition) continue;
      const columns = await copiedColumns(client, { table, schema, from, columns: expressions });
      tried.push({ table, from, columns });
    }
    await requireFitting(client, schema, tried, patienceSeconds * 1000);
    return true;
  } catch (error) {
    // Too slow, or another run holds what it needs: no fault of the files.
    const cause = error instanceof OperatorError ? error.cause : error;
    if (sqlState(cause) === "57014" || sqlState(cause) === "55P03") return false;
    throw error;
  } finally {
    await client.query("ROLLBACK").catch(() => {});
    await client.query("RESET ROLE").catch(() => {});
    // Files that end the transaction in a way that only PostgreSQL sees.
    await client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`).catch(() => {});
  }
}

async function mayTry(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT has_database_privilege(current_database(), 'CREATE') AND pg_has_role($1, 'MEMBER')
            AND NOT current_setting('transaction_read_only')::boolean AS may
       FROM pg_roles WHERE rolname = $1`,
    [roles.state],
  );
  return rows[0]?.may ?? false;
}

async function backend(client: ClientBase): Promise<number> {
  return (await client.query<{ id: number }>("SELECT pg_backend_pid() AS id")).rows[0]?.id ?? 0;
}
