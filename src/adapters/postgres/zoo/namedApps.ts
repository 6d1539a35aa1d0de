import { isRowId } from "../../../domain/rowId.ts";
import type { NamedApp } from "../../../domain/zoo/leave.ts";
import type { TargetPair } from "../../../domain/zoo/targetApps.ts";
import type { DatabaseServer } from "../server.ts";
import { canonicalId, inspectTarget } from "./migration/inspect.ts";
import { listMigrations } from "./migration/journal.ts";
import { type MigrationConnection, readingTarget } from "./migration/target.ts";

/** Where the apps with these ids are, of those that are there. Only reads; knows none where the tables are of before this was kept. */
export async function readNamedApps(server: DatabaseServer, ids: readonly string[]): Promise<NamedApp[]> {
  const asked = ids.filter(isRowId);
  if (asked.length === 0) return [];
  return readingTarget({ server }, async (client, { table }) => {
    const { rows } = await client.query<NamedApp>(
      `SELECT l.id::text AS id, d.model_id IS NOT NULL AS "isDeleted",
              json_build_object('id', z.id::text, 'model', m.name, 'number', z.number) AS "pointsAt",
              EXISTS (SELECT FROM menagerie.zoo_migration g
                        JOIN menagerie.zoo_migration_row j
                          ON j.migration_id = g.id AND j.row_id = a.id::text AND j.generation = g.generation
                       WHERE g.target = $2 AND g.from_id = z.id::text AND g.direction = 'forward') AS "wasMoved"
         FROM unnest($1::bigint[]) l (id)
         LEFT JOIN menagerie.model_version a ON a.model_id = l.id AND a.proxy_model_version_id IS NOT NULL
         LEFT JOIN menagerie.deleted_app d ON d.model_id = l.id AND d.restored_at IS NULL
         JOIN menagerie.model_version z ON z.id = coalesce(a.proxy_model_version_id, d.proxy_model_version_id)
         JOIN menagerie.model m ON m.id = z.model_id`,
      [asked, table],
    );
    return rows;
  });
}

/** The same of rows in the table of an existing database, for one rollout there. Knows none where the table cannot be read. */
export async function readNamedRows(
  connection: MigrationConnection,
  pair: TargetPair,
  ids: readonly string[],
): Promise<NamedApp[] | undefined> {
  return readingTarget(connection, async (client, named) => {
    const { target, obstacles } = await inspectTarget(client, named);
    if (!target || obstacles.length > 0) return undefined;
    const { table, id, idType, proxy, journal } = target;
    // As the database writes them, such as a UUID in lower case.
    const [old, current] = [await canonicalId(client, idType, pair.from), await canonicalId(client, idType, pair.to)];
    const migration = (await listMigrations(client, target)).find(
      ({ from, to, direction }) => from === old && to === current && direction === "forward",
    );
    const moved = migration
      ? `EXISTS (SELECT FROM ${journal}.zoo_migration_row j
                  WHERE j.migration_id = $2 AND j.row_id = v.${id}::text AND j.generation = $3)`
      : "false";
    const found: NamedApp[] = [];
    for (const given of ids) {
      const known = await canonicalId(client, idType, given);
      const { rows } = await client.query<{ pointsAt: string | null; wasMoved: boolean }>(
        `SELECT v.${proxy}::text AS "pointsAt", ${moved} AS "wasMoved" FROM ${table} v WHERE v.${id} = $1::text::${idType}`,
        [known ?? null, ...(migration ? [migration.id, migration.generation] : [])],
      );
      const [row] = rows;
      if (!row || row.pointsAt === null) continue;
      const pointsAt = { id: row.pointsAt === old ? pair.from : row.pointsAt };
      found.push({ id: given, isDeleted: false, wasMoved: row.wasMoved, pointsAt });
    }
    return found;
  });
}
