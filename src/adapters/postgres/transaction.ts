import type { ClientBase } from "pg";
import { quoteIdentifier } from "./identifier.ts";

/** Runs `work` in one transaction, which is rolled back when it throws. */
export async function inTransaction<T>(
  client: ClientBase,
  work: () => Promise<T>,
  options: { readonly readOnly?: boolean } = {},
): Promise<T> {
  await client.query(options.readOnly ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN");
  try {
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // A broken connection is rolled back by the server.
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * Lets the session act as `role`, with no more than that role's privileges. A login that may grant the role and is
 * not a member yet (since PostgreSQL 16, whoever made a role) becomes one first.
 */
export async function actAs(client: ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ member: boolean }>("SELECT pg_has_role($1, 'MEMBER') AS member", [role]);
  if (!rows[0]?.member) await client.query(`GRANT ${quoteIdentifier(role)} TO CURRENT_USER`);
  await client.query(`SET ROLE ${quoteIdentifier(role)}`);
}
