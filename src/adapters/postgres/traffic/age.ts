import type { Pool } from "pg";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { instant } from "./sources.ts";

/** How long counts are kept by the second, by the minute and by the hour, in seconds. Observed intervals are kept as long as hours. */
export const kept = { seconds: 2 * 3600, minutes: 14 * 86_400, hours: 400 * 86_400 } as const;

/** One statement, so that a count is in one of two places at any moment. Whole minutes and hours alone are moved. */
const coarsened = `
WITH moved AS (
  DELETE FROM menagerie.traffic_count WHERE seconds = $1 AND since < $3
  RETURNING version_id, path, date_bin(make_interval(secs => $2), since, 'epoch') AS since, outcome, count, latency
), summed AS (
  SELECT version_id, path, since, outcome, sum(count)::bigint AS count FROM moved GROUP BY 1, 2, 3, 4
), by_duration AS (
  SELECT version_id, path, since, array_agg(total ORDER BY place) AS latency
    FROM (SELECT version_id, path, since, place, sum(answers)::bigint AS total
            FROM moved, unnest(latency) WITH ORDINALITY AS bucket (answers, place) GROUP BY 1, 2, 3, 4) t
   GROUP BY 1, 2, 3
)
INSERT INTO menagerie.traffic_count AS c (version_id, path, since, seconds, outcome, count, latency)
SELECT s.version_id, s.path, s.since, $2, s.outcome, s.count, d.latency
  FROM summed s LEFT JOIN by_duration d
    ON s.outcome = 'timed' AND d.version_id = s.version_id AND d.path = s.path AND d.since = s.since
 ORDER BY 1, 2, 3, 5
ON CONFLICT (version_id, path, seconds, since, outcome) DO UPDATE
  SET count = c.count + excluded.count,
      latency = CASE WHEN c.latency IS NULL THEN NULL ELSE
        ARRAY(SELECT coalesce(one, 0) + coalesce(other, 0)
                FROM unnest(c.latency, excluded.latency) WITH ORDINALITY AS both_of (one, other, place) ORDER BY place) END`;

/** Old seconds become minutes, old minutes hours; older ones are deleted, with the sources that nothing is left of. */
export async function ageTraffic(pool: Pool, now: Second): Promise<void> {
  const whole = (age: number, length: number) => instant(Math.floor((now - age) / length) * length);
  await pool.query(coarsened, [1, 60, whole(kept.seconds, 60)]);
  await pool.query(coarsened, [60, 3600, whole(kept.minutes, 3600)]);
  const oldest = instant(now - kept.hours);
  await pool.query("DELETE FROM menagerie.traffic_count WHERE seconds = 3600 AND since < $1", [oldest]);
  await pool.query("DELETE FROM menagerie.traffic_observed WHERE until < $1", [oldest]);
  await pool.query(
    `DELETE FROM menagerie.traffic_source s WHERE ended_at < $1
        AND NOT EXISTS (SELECT FROM menagerie.traffic_observed o WHERE o.source_id = s.id)`,
    [oldest],
  );
}
