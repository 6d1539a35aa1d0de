import type { ClientBase, Pool } from "pg";
import { quoteIdentifier } from "./identifier.ts";
import { sqlState } from "./server.ts";

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

/** Runs `work` in one transaction on a connection of the pool. One that failed in between is not handed out again. */
export async function inPooledTransaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // Between two statements nothing else hears that the connection broke, and the process would end.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on("error", onError);
  try {
    return await inTransaction(client, () => work(client));
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/**
 * Lets the session act as `role`, with no more than that role's privileges. A login that may grant the role but not act
 * as it (since PostgreSQL 16, whoever made a role) is given that first.
 */
export async function actAs(client: ClientBase, role: string): Promise<void> {
  const setRole = `SET ROLE ${quoteIdentifier(role)}`;
  try {
    await client.query(setRole);
  } catch (error) {
    if (sqlState(error) !== "42501") throw error;
    await client.query(`GRANT ${quoteIdentifier(role)} TO CURRENT_USER`);
    await client.query(setRole);
  }
}
