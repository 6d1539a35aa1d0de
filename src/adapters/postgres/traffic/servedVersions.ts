import type { ClientBase, Pool } from "pg";
import type { ServedVersion } from "../../../domain/traffic/destinations.ts";

/** The zoo's versions, those that are served and the latest last: of two that had one name, it is theirs. */
export async function readServedVersions(client: Pick<ClientBase | Pool, "query">): Promise<ServedVersion[]> {
  const { rows } = await client.query<ServedVersion>(
    `SELECT v.id::text AS id, m.name AS model, v.number, v.serving->>'service' AS service
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      WHERE v.proxy_model_version_id IS NULL AND NOT v.is_development
      ORDER BY v.status = 'active', v.id`,
  );
  return rows;
}

/**
 * Ids of the versions that no destination of a gateway stands for, so that what it counts is never theirs: in Knative mode all routes lead to
 * one Service, and requests for development versions are counted by the API service.
 *
 * @param versions - of these alone; `every` asks for all
 */
export async function readUnknownToGateway(
  client: Pick<ClientBase | Pool, "query">,
  versions: readonly string[] | "every",
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id::text AS id FROM menagerie.model_version
      WHERE (serving->>'mode' = 'Knative' OR is_development) AND ($1::bigint[] IS NULL OR id = ANY ($1))`,
    [versions === "every" ? null : versions],
  );
  return new Set(rows.map(({ id }) => id));
}
