import type { Pool } from "pg";
import type { Ask } from "../../../domain/limits/limiter.ts";
import type { Grant } from "../../../domain/limits/meter.ts";

/** Asks for parts of limits in one statement; answers in the order of the questions. What was granted is taken, whether it is used or not. */
export async function takeOfLimits(pool: Pool, asks: readonly Ask[]): Promise<Grant[]> {
  const { rows } = await pool.query<{ place: number; since: number; left: number; granted: string; taken: string }>(
    `SELECT place, since_ms AS since, left_ms AS "left", granted, taken FROM menagerie.take_of_limits($1) ORDER BY place`,
    [JSON.stringify(asks.map((ask, place) => ({ place, ...ask })))],
  );
  return rows.map(({ since, left, granted, taken }) => ({
    since,
    leftMs: left,
    granted: Number(granted),
    taken: Number(taken),
  }));
}
