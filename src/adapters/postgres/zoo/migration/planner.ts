import type { ClientBase } from "pg";
import { sqlState } from "../../server.ts";
import type { MigrationTarget } from "./target.ts";

/**
 * Statements about a migration walk their indexes whatever the statistics say, which lag behind the rows that a run moves and
 * the journal that it writes. For a run, and for the plan of one.
 */
export const plannerSettings = [
  "SET enable_seqscan = off",
  "SET enable_bitmapscan = off",
  "SET enable_hashjoin = off",
  "SET enable_mergejoin = off",
  "SET enable_sort = off",
  "SET jit = off",
].join("; ");

/**
 * Tells the server what a run wrote to the journal, for whoever reads it next. A login that may not analyze it leaves that to
 * autovacuum: PostgreSQL answers with a warning.
 */
export async function analyzeJournal(client: ClientBase, { journal }: MigrationTarget): Promise<void> {
  await client.query(`ANALYZE ${journal}.zoo_migration_row`).catch((error: unknown) => {
    // Autovacuum or another run is at it.
    if (sqlState(error) !== "55P03") throw error;
  });
}
