import type { ClientBase, Pool } from "pg";
import type { Limits } from "../../domain/limits/limits.ts";
import { defaultMaxTokens } from "../../domain/limits/reservation.ts";
import { underWay } from "../../domain/zoo/phases.ts";
import type { RolloutSide } from "../../domain/zoo/traffic.ts";
import { type LimitRow, limitColumns, limitsOf } from "./limits/databaseLimits.ts";
import { refuse } from "./refusals.ts";
import { servedCondition } from "./zoo/pointedVersions.ts";

/** Where the predictions of a model come from. */
export interface Pointer {
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  /** Name of the organization. */
  readonly organization: string;
  /** What the organization is limited to. */
  readonly limits: Limits;
  /** Whether it points at a version of another model. */
  readonly isApp: boolean;
  /** When its current version was made, in seconds since 1970; 0 without one. */
  readonly createdAt: number;
  /** The version that answers: the one pointed at, or the model's own current one. */
  readonly serving:
    | {
        readonly versionId: string;
        readonly model: string;
        readonly number: number;
        /** Name of its InferenceService. @default the version's own name */
        readonly service?: string | undefined;
        /** Whether a recorder is in front of it. */
        readonly recorded: boolean;
        /** Paths of its own that it answers, beside those of protocols. */
        readonly paths: readonly string[];
        /** Tokens of its longest answer. */
        readonly maxTokens: number;
        /** It answers every request of its rollout, and some of them are copied to the old version. @default none are */
        readonly control?: Control | undefined;
      }
    | undefined;
  /** Whether it has versions at all: an app that was deleted has none. */
  readonly versioned: boolean;
}

/** What is copied to a rollout's old version. */
export interface Control {
  /** Of the requests. */
  readonly percent: number;
  readonly version: Pick<NonNullable<Pointer["serving"]>, "model" | "number" | "service" | "recorded">;
}

/** Follows a model's pointer; undefined when there is no such model. */
export async function readPointer(pool: Pool, modelId: string): Promise<Pointer | undefined> {
  const { rows } = await pool.query<
    LimitRow & {
      id: string;
      name: string;
      organization_id: string;
      organization: string;
      created_at: number;
      is_app: boolean;
      version_id: string | null;
      model: string | null;
      number: number | null;
      service: string | null;
      recorded: boolean;
      max_tokens: number;
      paths: readonly string[];
      versioned: boolean;
      control: Control | null;
    }
  >(
    `SELECT m.id, m.name, m.organization_id, o.name AS organization,
            coalesce(extract(epoch FROM v.created_at)::integer, 0) AS created_at, sv.id AS version_id, sm.name AS model, sv.number,
            sv.serving->>'service' AS service,
            coalesce(sv.serving ? 'recording', false) AS recorded, coalesce(sv.serving->'paths', '[]') AS paths,
            coalesce((sv.serving->>'maxTokens')::integer, $2) AS max_tokens,
            v.proxy_model_version_id IS NOT NULL AS is_app, ${limitColumns("o")},
            EXISTS (SELECT FROM menagerie.model_version a WHERE a.model_id = m.id) AS versioned,
            (SELECT json_build_object('percent', t.control, 'version',
                      json_build_object('model', sm.name, 'number', f.number, 'service', f.serving->>'service', 'recorded', coalesce(f.serving ? 'recording', false)))
               FROM menagerie.rollout r
               JOIN menagerie.rollout_traffic t USING (model_id, from_version_id, truss_hash)
               JOIN menagerie.model_version f ON f.id = r.from_version_id AND ${servedCondition("f")}
              WHERE r.model_id = sv.model_id AND t.to_version_id = sv.id AND r.phase = ANY ($3) AND t.weight >= 100 AND t.control > 0) AS control
       FROM menagerie.model m
       JOIN menagerie.organization o ON o.id = m.organization_id
       LEFT JOIN menagerie.model_version v ON v.model_id = m.id AND v.is_current
       LEFT JOIN menagerie.model_version sv ON sv.id = coalesce(v.proxy_model_version_id, v.id)
       LEFT JOIN menagerie.model sm ON sm.id = sv.model_id
      WHERE m.id = $1`,
    [modelId, defaultMaxTokens, underWay],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { id, name, organization_id: organizationId, organization, created_at: createdAt } = row;
  const { version_id: versionId, model, number, versioned, recorded, max_tokens: maxTokens, paths, control } = row;
  const complete = versionId !== null && model !== null && number !== null;
  const service = row.service ?? undefined;
  const serving = complete
    ? { versionId, model, number, service, recorded, maxTokens, paths, control: controlOf(control) }
    : undefined;
  const limits = limitsOf(row);
  return { id, name, organizationId, organization, limits, isApp: row.is_app, createdAt, versioned, serving };
}

function controlOf(control: Control | null): Control | undefined {
  if (!control) return undefined;
  const { service, ...version } = control.version;
  return { ...control, version: { ...version, service: service ?? undefined } };
}

/** The two versions that a zoo model's rollout is between, as predictions are sent to them. */
export type RolloutSides = Readonly<Record<RolloutSide, NonNullable<Pointer["serving"]>>>;

/** Undefined where both are not served: no rollout of the model is under way. */
export async function readRolloutSides(pool: Pool, modelId: string): Promise<RolloutSides | undefined> {
  const { rows } = await pool.query<NonNullable<Pointer["serving"]> & { side: RolloutSide; service: string | null }>(
    `SELECT CASE WHEN v.id = r.from_version_id THEN 'old' ELSE 'new' END AS side, v.id AS "versionId", m.name AS model, v.number,
            v.serving->>'service' AS service, coalesce(v.serving ? 'recording', false) AS recorded,
            coalesce(v.serving->'paths', '[]') AS paths, coalesce((v.serving->>'maxTokens')::integer, $2) AS "maxTokens"
       FROM menagerie.rollout r
       JOIN menagerie.model m ON m.id = r.model_id
       JOIN menagerie.model_version v ON v.model_id = r.model_id AND (v.id = r.from_version_id OR v.truss_hash = r.truss_hash)
      WHERE r.model_id = $1 AND r.from_version_id IS NOT NULL AND ${servedCondition("v")}`,
    [modelId, defaultMaxTokens],
  );
  const [old, fresh] = (["old", "new"] as const).map((side) => {
    const row = rows.find((each) => each.side === side);
    if (!row) return undefined;
    const { side: _, service, ...serving } = row;
    return { ...serving, service: service ?? undefined };
  });
  return old && fresh && { old, new: fresh };
}

/** What a name at the gateway stands for. */
export interface PlatformModel {
  /** Models of the platform that are called so in Kubernetes; none for what has no row. */
  readonly ids: readonly string[];
  /** The platform's own organization. */
  readonly organizationId: string;
  /** What that organization is limited to. */
  readonly limits: Limits;
  /** Tokens of the longest answer that one of its versions gives. */
  readonly maxTokens: number;
}

/** The platform's models that `name` is the name in Kubernetes of: as in the table, with dashes for underscores. */
export async function readPlatformModel(pool: Pool, name: string): Promise<PlatformModel> {
  const { rows } = await pool.query<Omit<PlatformModel, "limits"> & LimitRow>(
    `SELECT o.id AS "organizationId", ${limitColumns("o")},
            coalesce((SELECT max((v.serving->>'maxTokens')::integer)
                        FROM menagerie.model m JOIN menagerie.model_version v ON v.model_id = m.id
                       WHERE m.organization_id = o.id AND replace(m.name, '_', '-') = $1), $2) AS "maxTokens",
            ARRAY(SELECT m.id::text FROM menagerie.model m
                   WHERE m.organization_id = o.id AND replace(m.name, '_', '-') = $1 ORDER BY m.id) AS ids
       FROM menagerie.organization o WHERE o.is_admin`,
    [name, defaultMaxTokens],
  );
  const [found] = rows;
  if (!found) throw new Error("the platform's tables have no admin organization, which the migrations make");
  const { ids, organizationId, maxTokens } = found;
  return { ids, organizationId, maxTokens, limits: limitsOf(found) };
}

/** Id of the model with this id or name. A name that several organizations use is refused with the ids. */
export async function modelIdOf(client: ClientBase, idOrName: string): Promise<string> {
  const { rows } = await client.query<{ id: string; organization: string }>(
    `SELECT m.id, o.name AS organization
       FROM menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id
      WHERE m.name = $1 OR m.id::text = $1 ORDER BY m.id`,
    [idOrName],
  );
  const [first, ...others] = rows;
  if (!first) throw refuse("model.not-found", { idOrName });
  if (others.length > 0) {
    const ids = rows.map(({ id, organization }) => `${id} (${organization})`).join(", ");
    throw refuse("model.ambiguous", { idOrName, ids });
  }
  return first.id;
}

/** Id of the organization called `name`. */
export async function organizationIdOf(client: ClientBase, name: string): Promise<string> {
  const names = await organizationNames(client);
  const [id] = [...names].find(([, each]) => each === name) ?? [];
  if (id === undefined) throw refuse("organization.not-found", { name, known: [...names.values()].join(", ") });
  return id;
}

/** Names of the organizations by their ids, sorted by name. */
export async function organizationNames(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ id: string; name: string }>(
    "SELECT id, name FROM menagerie.organization ORDER BY name",
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}
