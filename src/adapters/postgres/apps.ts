import { randomBytes } from "node:crypto";
import type { ClientBase, Pool } from "pg";
import { refuse } from "./refusals.ts";
import { inTransaction } from "./transaction.ts";
import { requirePointable } from "./zoo/pointedVersions.ts";

/** An app to make. */
export interface NewApp {
  /** Name of the zoo model that its predictions come from. */
  readonly zooModel: string;
  /** Email of its owner, who is made with an organization of that name when unknown. */
  readonly owner: string;
  /** Unique in the owner's organization. @default the zoo model's name and a random ending */
  readonly name?: string | undefined;
}

export interface App {
  /** Id of the app's model: the id in `POST /models/<id>/predict`. */
  readonly id: string;
  readonly versionId: string;
  /** The zoo version that it points at. */
  readonly proxyModelVersionId: string;
  /** Number of the zoo version. */
  readonly version: number;
}

export interface ListedApp extends App {
  readonly name: string;
  readonly owner: string | null;
  readonly organization: string;
  readonly zooModel: string;
}

/** Makes an app that points at the zoo model's current version, in one transaction. */
export function createApp(client: ClientBase, app: NewApp): Promise<App> {
  return inTransaction(client, async () => {
    const current = await currentZooVersion(client, app.zooModel);
    const owner = await ensureOwner(client, app.owner);
    const name = app.name ?? `${app.zooModel}-${randomBytes(4).toString("hex")}`;
    const model = await client.query<{ id: string }>(
      `INSERT INTO menagerie.model (name, organization_id, owner_id) VALUES ($1, $2, $3)
       ON CONFLICT (organization_id, name) DO NOTHING RETURNING id`,
      [name, owner.organizationId, owner.id],
    );
    const id = model.rows[0]?.id;
    if (id === undefined) throw refuse("app.name-taken", { name });
    const version = await client.query<{ id: string }>(
      `INSERT INTO menagerie.model_version (model_id, number, is_current, proxy_model_version_id)
       VALUES ($1, 1, true, $2) RETURNING id`,
      [id, current.id],
    );
    await requirePointable(client, "new", current.id);
    return { id, versionId: version.rows[0]?.id ?? "", proxyModelVersionId: current.id, version: current.number };
  });
}

/** Which apps to list. */
export interface AppsQuestion {
  /** The one with this id alone. @default all */
  readonly id?: string | undefined;
  /** Id of the organization that they belong to. @default all */
  readonly organizationId?: string | undefined;
  /** What the name, the owner, the organization or the zoo model holds, or what the id is. @default anything */
  readonly search?: string | undefined;
  /** @default all */
  readonly limit?: number | undefined;
  /** How many to leave out first. @default 0 */
  readonly offset?: number | undefined;
}

/** Apps, in the order they were made. */
export async function listApps(
  client: Pick<ClientBase | Pool, "query">,
  { id, organizationId, search, limit, offset }: AppsQuestion = {},
): Promise<ListedApp[]> {
  const { rows } = await client.query<ListedApp>(
    `SELECT m.id, m.name, v.id AS "versionId", v.proxy_model_version_id AS "proxyModelVersionId",
            u.email AS owner, o.name AS organization, zm.name AS "zooModel", zv.number AS version
       FROM menagerie.model m
       JOIN menagerie.organization o ON o.id = m.organization_id
       JOIN menagerie.model_version v ON v.model_id = m.id AND v.is_current
       JOIN menagerie.model_version zv ON zv.id = v.proxy_model_version_id
       JOIN menagerie.model zm ON zm.id = zv.model_id
       LEFT JOIN menagerie.app_user u ON u.id = m.owner_id
      WHERE ($1::bigint IS NULL OR m.organization_id = $1)
        AND ($2::text IS NULL OR m.id::text = $2 OR strpos(lower(concat_ws(chr(10), m.name, u.email, o.name, zm.name)), lower($2)) > 0)
        AND ($5::bigint IS NULL OR m.id = $5)
      ORDER BY m.id LIMIT $3 OFFSET $4`,
    [organizationId ?? null, search || null, limit ?? null, offset ?? 0, id ?? null],
  );
  return rows;
}

/** Of a rollout that a guard took back it is the old version, also before the next `up` makes that one current again. */
async function currentZooVersion(
  client: ClientBase,
  zooModel: string,
): Promise<{ readonly id: string; readonly number: number }> {
  const { rows } = await client.query<{ name: string; id: string | null; number: number }>(
    `SELECT m.name, v.id, v.number
       FROM menagerie.model m
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
       LEFT JOIN menagerie.model_version c ON c.model_id = m.id AND c.is_current
       LEFT JOIN menagerie.taken_back t ON t.to_version_id = c.id AND t.action = 'revert'
       LEFT JOIN menagerie.model_version v ON v.id = coalesce(t.from_version_id, c.id)
      ORDER BY m.name, t.id DESC`,
  );
  const found = rows.find(({ name }) => name === zooModel);
  if (!found) {
    throw refuse("app.zoo-model-unknown", { zooModel, known: rows.map(({ name }) => name).join(", ") || "none" });
  }
  const { id, number } = found;
  if (id === null) {
    throw refuse("app.no-current-version", { zooModel });
  }
  return { id, number };
}

async function ensureOwner(client: ClientBase, email: string): Promise<{ id: string; organizationId: string }> {
  const find = async () =>
    (
      await client.query<{ id: string; organizationId: string }>(
        `SELECT id, organization_id AS "organizationId" FROM menagerie.app_user WHERE lower(email) = lower($1)`,
        [email],
      )
    ).rows[0];
  const known = await find();
  if (known) return known;
  await client.query("INSERT INTO menagerie.organization (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", [email]);
  await client.query(
    `INSERT INTO menagerie.app_user (email, organization_id)
     SELECT $1, id FROM menagerie.organization WHERE name = $1
     ON CONFLICT (lower(email)) DO NOTHING`,
    [email],
  );
  const made = await find();
  if (!made) throw new Error(`user ${email} vanished while it was made`);
  return made;
}
