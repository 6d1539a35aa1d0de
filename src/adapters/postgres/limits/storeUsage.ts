import type { Pool } from "pg";
import type { UsageBatch } from "../../../domain/limits/usage.ts";

/**
 * Stores the batch with this number of one process; one that is stored already is not stored again.
 *
 * @param run - id of the process
 * @returns the database's clock, in milliseconds since 1970
 */
export async function storeUsage(pool: Pool, run: string, number: number, batch: UsageBatch): Promise<number> {
  const { rows } = await pool.query<{ time: number }>("SELECT menagerie.store_usage($1, $2, $3) AS time", [
    run,
    number,
    JSON.stringify(batch),
  ]);
  const [row] = rows;
  if (!row) throw new Error("store_usage answers a row");
  return row.time;
}

/** Deletes what no window, process or claim needs any more. */
export async function removeOldUsage(pool: Pool): Promise<void> {
  await pool.query("DELETE FROM menagerie.limit_window WHERE since < now() - interval '2 days'");
  await pool.query("DELETE FROM menagerie.settled_claim WHERE at < now() - interval '2 days'");
  await pool.query("DELETE FROM menagerie.usage_source WHERE at < now() - interval '30 days'");
}
