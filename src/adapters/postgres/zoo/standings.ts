import type { Pool } from "pg";

/** Where the zoo stands, as metrics tell it. */
export interface ZooStandings {
  readonly rollouts: readonly { readonly model: string; readonly phase: string; readonly sinceSeconds: number }[];
  /** Apps that point at each version that is pointed at. */
  readonly apps: readonly { readonly model: string; readonly version: number; readonly apps: number }[];
}

/** Counts apps over the index of pointers: a second for some millions of them. */
export async function readStandings(pool: Pool): Promise<ZooStandings> {
  const rollouts = await pool.query<ZooStandings["rollouts"][number]>(
    `SELECT m.name AS model, r.phase, extract(epoch FROM r.since)::float8 AS "sinceSeconds"
       FROM menagerie.rollout r JOIN menagerie.model m ON m.id = r.model_id`,
  );
  const apps = await pool.query<ZooStandings["apps"][number]>(
    `SELECT m.name AS model, v.number AS version, a.apps
       FROM (SELECT proxy_model_version_id AS id, count(*)::integer AS apps
               FROM menagerie.model_version WHERE proxy_model_version_id IS NOT NULL GROUP BY 1) a
       JOIN menagerie.model_version v ON v.id = a.id JOIN menagerie.model m ON m.id = v.model_id`,
  );
  return { rollouts: rollouts.rows, apps: apps.rows };
}
