import type { Pool } from "pg";
import { quoteIdentifier } from "../identifier.ts";
import { sqlState } from "../server.ts";

/** What became of the recorded predictions of one schema. */
export interface KeptDays {
  readonly schema: string;
  /** Tables of days that were past retention, and are dropped. */
  readonly dropped: number;
  /** Why that failed. @default it did not */
  readonly error?: unknown;
}

/**
 * Makes the days ahead and drops those past retention, in every schema of prediction tables whose days this login may keep. Recorders
 * do so too, each in its own; calls at the same time wait for each other.
 */
export async function keepPredictionDays(pool: Pool): Promise<KeptDays[]> {
  const { rows } = await pool.query<{ schema: string }>(
    `SELECT n.nspname AS schema
       FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE p.proname = 'maintain_prediction_days' AND p.pronargs = 0
        AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
      ORDER BY 1`,
  );
  const kept: KeptDays[] = [];
  for (const { schema } of rows) {
    try {
      const answer = await pool.query<{ dropped: number }>(
        `SELECT ${quoteIdentifier(schema)}.maintain_prediction_days() AS dropped`,
      );
      kept.push({ schema, dropped: answer.rows[0]?.dropped ?? 0 });
    } catch (error) {
      // A recording that was deleted meanwhile.
      if (!["3F000", "42883"].includes(sqlState(error) ?? "")) kept.push({ schema, dropped: 0, error });
    }
  }
  return kept;
}
