import type { ClientBase } from "pg";
import type { OperatorError } from "../../domain/errors.ts";
import type { App } from "./apps.ts";
import { refuse } from "./refusals.ts";
import { inTransaction } from "./transaction.ts";
import { requirePointable, servedCondition } from "./zoo/pointedVersions.ts";

/** An app that was deleted, and can be had again. */
export interface DeletedApp {
  /** Id of the app's model. */
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  /** The zoo version that it pointed at. */
  readonly proxyModelVersionId: string;
  readonly zooModel: string;
  /** Number of the zoo version. */
  readonly version: number;
  readonly deletedAt: Date;
  /** Login of the database. */
  readonly deletedBy: string;
}

const deletedApps = `SELECT m.id, m.name, u.email AS owner, d.proxy_model_version_id AS "proxyModelVersionId",
          zm.name AS "zooModel", zv.number AS version, d.deleted_at AS "deletedAt", d.deleted_by AS "deletedBy"
     FROM menagerie.deleted_app d
     JOIN menagerie.model m ON m.id = d.model_id
     JOIN menagerie.model_version zv ON zv.id = d.proxy_model_version_id
     JOIN menagerie.model zm ON zm.id = zv.model_id
     LEFT JOIN menagerie.app_user u ON u.id = m.owner_id
    WHERE d.restored_at IS NULL`;

/** Apps that are deleted, in the order that they were. */
export async function listDeletedApps(client: ClientBase): Promise<DeletedApp[]> {
  return (await client.query<DeletedApp>(`${deletedApps} ORDER BY d.id`)).rows;
}

/**
 * Deletes an app: it answers no more, and no rollout counts it. Its name and keys stay for {@link undeleteApp}; a journal of a
 * migration that moved it lists it as deleted.
 */
export function deleteApp(client: ClientBase, id: string): Promise<DeletedApp> {
  return inTransaction(client, async () => {
    const { rowCount } = await client.query("INSERT INTO menagerie.deleted_app (model_id) VALUES ($1)", [id]);
    if (rowCount === 0) throw await noApp(client, id);
    return requireDeleted(client, id);
  });
}

/**
 * Brings a deleted app back under its ids. It points where it pointed, or at the zoo model's current version where that one is
 * not served any more.
 */
export function undeleteApp(client: ClientBase, id: string): Promise<App & { readonly zooModel: string }> {
  return inTransaction(client, async () => {
    const { rows } = await client.query<{ versionId: string; number: number; proxy: string }>(
      `UPDATE menagerie.deleted_app SET restored_at = now() WHERE model_id = $1 AND restored_at IS NULL
       RETURNING version_id AS "versionId", number, proxy_model_version_id AS proxy`,
      [id],
    );
    const [deleted] = rows;
    if (!deleted) throw refuse("app.not-deleted", { id });
    const { versionId, number, proxy } = deleted;
    const target = await servedVersion(client, proxy);
    await client.query(
      `INSERT INTO menagerie.model_version (id, model_id, number, is_current, proxy_model_version_id)
       OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, true, $4)`,
      [versionId, id, number, target.id],
    );
    await requirePointable(client, "undelete", target.id);
    return { id, versionId, proxyModelVersionId: target.id, version: target.number, zooModel: target.model };
  });
}

/** The version itself while it is served, else its model's current one. */
async function servedVersion(
  client: ClientBase,
  proxy: string,
): Promise<{ readonly id: string; readonly number: number; readonly model: string }> {
  const { rows } = await client.query<{ id: string; number: number; model: string }>(
    `SELECT s.id, s.number, m.name AS model
       FROM menagerie.model_version p
       JOIN menagerie.model m ON m.id = p.model_id
       JOIN menagerie.model_version s ON s.model_id = p.model_id AND ${servedCondition("s")}
      WHERE p.id = $1 AND (s.is_current OR s.id = p.id)
      ORDER BY s.id = p.id DESC LIMIT 1`,
    [proxy],
  );
  const [found] = rows;
  if (!found) {
    throw refuse("app.nothing-to-point-at", { proxy });
  }
  return found;
}

async function requireDeleted(client: ClientBase, id: string): Promise<DeletedApp> {
  const { rows } = await client.query<DeletedApp>(`${deletedApps} AND d.model_id = $1`, [id]);
  if (!rows[0]) throw new Error(`the record of app ${id} vanished`);
  return rows[0];
}

/** Why `id` is no app that can be deleted. */
async function noApp(client: ClientBase, id: string): Promise<OperatorError> {
  const { rows } = await client.query<{ name: string; zoo: boolean; development: boolean; deletedAt: Date | null }>(
    `SELECT m.name, o.is_admin AS zoo, d.deleted_at AS "deletedAt",
            EXISTS (SELECT FROM menagerie.model_version v WHERE v.model_id = m.id AND v.is_development) AS development
       FROM menagerie.model m
       JOIN menagerie.organization o ON o.id = m.organization_id
       LEFT JOIN menagerie.deleted_app d ON d.model_id = m.id AND d.restored_at IS NULL
      WHERE m.id = $1`,
    [id],
  );
  const [model] = rows;
  if (!model) return refuse("app.not-found", { id });
  const { name, zoo, development, deletedAt } = model;
  if (deletedAt) {
    return refuse("app.deleted-already", { id, deletedAt: deletedAt.toISOString() });
  }
  if (development) return refuse("app.is-development", { id, name });
  if (zoo) return refuse("app.is-zoo", { id, name });
  return refuse("app.has-versions", { id, name });
}
