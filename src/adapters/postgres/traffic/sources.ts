import type { ClientBase, Pool } from "pg";
import type { TrafficPath } from "../../../domain/traffic/outcome.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";

type Client = Pick<ClientBase | Pool, "query">;

/** Who counts, as the table has it. */
export interface SourceName {
  readonly path: TrafficPath;
  /** Of the pod, such as `istio-ingress/ingress-5d8f`. */
  readonly name: string;
  /** One process of it, where a process keeps its counts only as long as it lives. @default one for the pod's whole life */
  readonly run?: string | undefined;
}

export const instant = (second: Second): Date => new Date(second * 1000);

/**
 * Records that a source answers requests from a second on, and answers its id. A process takes the place of the pod's earlier ones, which
 * ended when it began: what they had not stored by then is lost.
 */
export async function beginSource(
  client: Client,
  { path, name, run = "" }: SourceName,
  since: Second,
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `WITH earlier AS (
       UPDATE menagerie.traffic_source SET ended_at = $4
        WHERE path = $1 AND name = $2 AND run <> $3 AND ended_at IS NULL
     )
     INSERT INTO menagerie.traffic_source (path, name, run, since) VALUES ($1, $2, $3, $4)
     ON CONFLICT (path, name, run) DO UPDATE SET ended_at = NULL RETURNING id`,
    [path, name, run, instant(since)],
  );
  const [row] = rows;
  if (!row) throw new Error(`source ${name} has no row after it was written`);
  return row.id;
}

/** Records that a source answers no requests from `at` on. */
export async function endSource(client: Client, id: string, at: Second): Promise<void> {
  await client.query("UPDATE menagerie.traffic_source SET ended_at = $2 WHERE id = $1", [id, instant(at)]);
}

/** Ends the sources of a path whose pods are gone. Answers their names. */
export async function endOtherSources(
  client: Client,
  path: TrafficPath,
  pods: readonly string[],
  at: Second,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `UPDATE menagerie.traffic_source SET ended_at = greatest($3, since)
      WHERE path = $1 AND ended_at IS NULL AND name <> ALL ($2) RETURNING name`,
    [path, pods, instant(at)],
  );
  return rows.map(({ name }) => name);
}
