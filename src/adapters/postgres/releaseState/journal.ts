import type { ClientBase } from "pg";
import type { StoredRelease } from "../../../domain/release/retention.ts";
import type { SeedRule, StateFile, StateTable } from "../../../domain/release/stateSchema.ts";

/** A stored release with the tables of its state. */
export interface JournaledRelease extends StoredRelease {
  /** Hash of the SQL files. */
  readonly declared: string;
  readonly files: readonly StateFile[];
  readonly tables: readonly StateTable[];
  readonly retired: boolean;
  /** Folder that its dump goes to before it is dropped; null for none. */
  readonly dumpTo: string | null;
  readonly attempt: string;
  /** What of it somebody dropped by hand, such as `schema "v1.2.3"`; null where all is there. */
  readonly lost: string | null;
  /** Whether it was ready once, so that releases have worked in it. */
  readonly wasReady: boolean;
}

/** Tables of one release as the journal has them, in the order of their names. */
interface TableRow {
  readonly schema: string;
  readonly name: string;
  readonly seed: SeedRule;
  readonly from: string | null;
  /** Null in a database of an earlier Menagerie. */
  readonly columns: Readonly<Record<string, string>> | null;
}

/** Every release whose state is in the database or was begun, the one used last at the end. */
export async function readReleases(client: ClientBase): Promise<JournaledRelease[]> {
  const releases = await client.query<
    Omit<JournaledRelease, "tables" | "viewsOf" | "references" | "used"> & { used: string }
  >(
    `SELECT name AS schema, tag, seeded_from AS "seededFrom", declared, files, used, attempt, dump_to AS "dumpTo",
            ready_at IS NOT NULL AND l.lost IS NULL AS ready, retired_at IS NOT NULL AS retired, l.lost,
            ready_at IS NOT NULL AS "wasReady"
       FROM menagerie.release_schema r CROSS JOIN LATERAL (
              SELECT CASE WHEN NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = r.name)
                          THEN format('schema "%s"', r.name)
                          ELSE (SELECT format('table "%s" of schema "%s"', min(t.name), r.name)
                                  FROM menagerie.release_table t
                                 WHERE t.schema_name = r.name
                                   AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                                    WHERE n.nspname = t.schema_name AND c.relname = t.name)
                                HAVING count(*) > 0) END AS lost) l
      ORDER BY r.used, name`,
  );
  const tables = await client.query<TableRow>(
    `SELECT schema_name AS schema, name, seed, base_schema AS "from", to_jsonb(t) -> 'columns' AS columns
       FROM menagerie.release_table t ORDER BY schema_name, name`,
  );
  const bySchema = Map.groupBy(tables.rows, ({ schema }) => schema);
  return releases.rows.map((release) => {
    const own = (bySchema.get(release.schema) ?? []).map(
      ({ name, seed, from, columns }): StateTable => ({ name, seed, from, ...ifAny(columns ?? {}) }),
    );
    const viewsOf = own.flatMap(({ seed, from }) => (seed === "view" && from !== null ? [from] : []));
    return { ...release, used: Number(release.used), tables: own, viewsOf: [...new Set(viewsOf)], references: [] };
  });
}

function ifAny(columns: Readonly<Record<string, string>>): Pick<StateTable, "columns"> {
  return Object.keys(columns).length > 0 ? { columns } : {};
}

export async function readRelease(client: ClientBase, schema: string): Promise<JournaledRelease | undefined> {
  return (await readReleases(client)).find((release) => release.schema === schema);
}

/** What other environments on this server run by their record, by schema: `staging runs v1.2.3 with it`. */
export async function runElsewhere(client: ClientBase, environment: string): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ schema: string; environment: string; tag: string }>(
    `SELECT state_schema AS schema, environment, tag FROM menagerie.deployment_range
      WHERE until IS NULL AND state_schema IS NOT NULL AND environment <> $1 ORDER BY environment`,
    [environment],
  );
  const bySchema = Map.groupBy(rows, ({ schema }) => schema);
  return new Map(
    [...bySchema].map(([schema, runs]) => [schema, runs.map((run) => `${run.environment} runs ${run.tag} with it`)]),
  );
}

/**
 * States that apps still need, by schema: `3 apps point at ranker v1 of it`. Of a version that is not among `served` any more,
 * that is the state of the last deployment that had it.
 * @param served models of the deployment that is made; of the record's last where they are left out
 */
export async function usedByApps(
  client: ClientBase,
  environment: string,
  served?: readonly { readonly name: string; readonly version: number | null }[],
): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ schema: string; model: string; version: number; apps: number }>(
    `WITH pointed AS (
       SELECT m.name, v.number, count(*)::int AS apps,
              jsonb_build_array(jsonb_build_object('name', m.name, 'version', v.number)) AS model
         FROM menagerie.model_version app JOIN menagerie.model_version v ON v.id = app.proxy_model_version_id
         JOIN menagerie.model m ON m.id = v.model_id
         JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
        GROUP BY m.name, v.number),
     served AS (
       SELECT coalesce($2::jsonb, (SELECT models FROM menagerie.deployment WHERE environment = $1
                                    ORDER BY id DESC LIMIT 1), '[]') AS models)
     SELECT last.schema, p.name AS model, p.number AS version, p.apps
       FROM pointed p CROSS JOIN served
      CROSS JOIN LATERAL (SELECT d.state_schema AS schema FROM menagerie.deployment d
                           WHERE d.environment = $1 AND d.state_schema IS NOT NULL AND d.models @> p.model
                           ORDER BY d.id DESC LIMIT 1) last
      WHERE NOT served.models @> p.model
      ORDER BY p.name, p.number`,
    [environment, served === undefined ? null : JSON.stringify(served)],
  );
  const bySchema = Map.groupBy(rows, ({ schema }) => schema);
  return new Map(
    [...bySchema].map(([schema, uses]) => [
      schema,
      uses.map(
        ({ model, version, apps }) =>
          `${apps} ${apps === 1 ? "app points" : "apps point"} at ${model} v${version} of its release`,
      ),
    ]),
  );
}

/** Whether an `up` of the environment came to its end with the schema, be it there or not: one that failed may not have made it. */
export async function wasWorkedIn(client: ClientBase, environment: string, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ was: boolean }>(
    `SELECT EXISTS (SELECT FROM menagerie.deployment d JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
                     WHERE d.environment = $1 AND d.state_schema = $2 AND o.outcome = 'deployed' AND o.settled_by = 'up') AS was`,
    [environment, schema],
  );
  return rows[0]?.was ?? false;
}

/** Rows of each table when its release became ready; what was written since is not in it. */
export async function seededRows(client: ClientBase, schema: string): Promise<Record<string, number>> {
  const { rows } = await client.query<{ name: string; rows: string | null }>(
    "SELECT name, seeded_rows AS rows FROM menagerie.release_table WHERE schema_name = $1 ORDER BY name",
    [schema],
  );
  return Object.fromEntries(rows.map(({ name, rows }) => [name, Number(rows ?? 0)]));
}

/**
 * Makes the release the one used last. Numbers, not times, tell the order, for clocks go back.
 */
export async function markUsed(client: ClientBase, schema: string): Promise<void> {
  await client.query(
    `UPDATE menagerie.release_schema r SET used = latest.used + 1, retired_at = NULL
       FROM (SELECT coalesce(max(used), 0) AS used FROM menagerie.release_schema WHERE name <> $1) latest
      WHERE r.name = $1 AND (r.used <= latest.used OR r.used = 0 OR r.retired_at IS NOT NULL)`,
    [schema],
  );
}

/** Puts a restored release right behind the current one: it stays for a while, and a new release is not seeded from it. */
export async function markUsedBeforeCurrent(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT name FROM menagerie.release_schema WHERE name <> $1 ORDER BY used DESC, name LIMIT 1",
    [schema],
  );
  await markUsed(client, schema);
  if (rows[0]) await markUsed(client, rows[0].name);
}
