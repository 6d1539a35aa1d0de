import type { ClientBase } from "pg";

/** A version of a zoo model, and the one that its apps would be moved to. */
export interface ZooVersionPair {
  /** Name of the zoo model. */
  readonly model: string;
  readonly version: string;
}

/** The current version of the zoo model that `id` is an old version of; undefined when it is none. */
export async function nextZooVersion(client: ClientBase, id: string): Promise<ZooVersionPair | undefined> {
  const { rows } = await client.query<ZooVersionPair>(
    `SELECT m.name AS model, c.id AS version FROM ${zooVersion}
       JOIN menagerie.model_version c ON c.model_id = m.id AND c.is_current AND c.id <> v.id
      WHERE v.id::text = $1`,
    [id],
  );
  return rows[0];
}

/** The version before `id` of its zoo model; undefined when there is none. */
export async function previousZooVersion(client: ClientBase, id: string): Promise<ZooVersionPair | undefined> {
  const { rows } = await client.query<ZooVersionPair>(
    `SELECT m.name AS model, c.id AS version FROM ${zooVersion}
       JOIN menagerie.model_version c ON c.model_id = m.id AND c.number < v.number
      WHERE v.id::text = $1 ORDER BY c.number DESC LIMIT 1`,
    [id],
  );
  return rows[0];
}

/** Id of the zoo model called `name`. */
export async function zooModelId(client: ClientBase, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT m.id FROM menagerie.model m
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin WHERE m.name = $1`,
    [name],
  );
  return rows[0]?.id;
}

/** The current version of the zoo model called `name`. */
export async function currentZooVersion(client: ClientBase, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT v.id FROM ${zooVersion} WHERE m.name = $1 AND v.is_current`,
    [name],
  );
  return rows[0]?.id;
}

/** An app's own version, and the zoo version it points at; undefined when there is no such app. */
export async function appPointer(
  client: ClientBase,
  app: string,
): Promise<{ readonly versionId: string; readonly pointsAt: string; readonly zooModel: string } | undefined> {
  const { rows } = await client.query<{ versionId: string; pointsAt: string; zooModel: string }>(
    `SELECT a.id AS "versionId", v.id AS "pointsAt", m.name AS "zooModel"
       FROM ${zooVersion} JOIN menagerie.model_version a ON a.proxy_model_version_id = v.id AND a.is_current
      WHERE a.model_id::text = $1`,
    [app],
  );
  return rows[0];
}

const zooVersion = `menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin`;
