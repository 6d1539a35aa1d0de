import type { ClientBase } from "pg";
import type { Phase } from "../../../domain/zoo/phases.ts";
import { copyName, type RegisteredVersion } from "../../../domain/zoo/plan.ts";
import type { StoredRollout, ZooRegistry } from "../../../domain/zoo/registry.ts";
import { servingSchema } from "../../../domain/zoo/serving.ts";
import type { Sticky, StoredTraffic } from "../../../domain/zoo/traffic.ts";
import { readResumed, readTakenBack } from "../takeBack/takeBacks.ts";
import { latestEvidence } from "./gateEvidence.ts";

/**
 * Reads the zoo: `models`, their copies, and whatever else stands somewhere. Call it in a transaction.
 *
 * @param leave - ids of apps that stay where they are by choice
 */
export async function readZooRegistry(
  client: ClientBase,
  models: readonly string[] | "every",
  leave: readonly string[] = [],
): Promise<ZooRegistry> {
  const rollouts = await storedRollouts(client);
  const standing = [...rollouts.values()].filter(({ phase }) => phase !== "off").map(({ model }) => model);
  const named = models === "every" ? await adminModels(client) : models;
  const all = [...new Set([...named, ...standing])];
  return {
    rollouts,
    versions: await zooVersions(client, [...all, ...all.map(copyName)], { leave }),
    evidence: await latestEvidence(client, all),
    takenBack: await readTakenBack(client),
    resumed: await readResumed(client),
  };
}

/** The zoo in tables that do not know rollouts yet: an `up` that makes them plans from this. */
export async function readEarlierRegistry(
  client: ClientBase,
  models: readonly string[] | "every",
): Promise<ZooRegistry> {
  const named = models === "every" ? await adminModels(client) : models;
  return { rollouts: new Map(), versions: await zooVersions(client, named, { served: false }), evidence: [] };
}

/** Names of the admin organization's models: the zoo's, their copies' and those of development versions. */
export async function adminModels(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT m.name FROM menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin",
  );
  return rows.map(({ name }) => name);
}

interface VersionRow extends Omit<RegisteredVersion, "image" | "serving"> {
  readonly model: string;
  readonly url: string | null;
  readonly digest: string | null;
  readonly serving: unknown;
}

async function zooVersions(
  client: ClientBase,
  models: readonly string[],
  { served = true, leave = [] }: { readonly served?: boolean; readonly leave?: readonly string[] } = {},
): Promise<Map<string, RegisteredVersion[]>> {
  const columns = served
    ? "v.image_url AS url, v.image_digest AS digest, v.serving"
    : "NULL AS url, NULL AS digest, NULL AS serving";
  const { rows } = await client.query<VersionRow>(
    `SELECT m.name AS model, v.id, v.number, v.truss_hash AS hash, v.is_current AS "isCurrent", ${columns},
            (SELECT count(*)::integer FROM menagerie.model_version a WHERE a.proxy_model_version_id = v.id) AS apps,
            (SELECT count(*)::integer FROM menagerie.model_version a
              WHERE a.proxy_model_version_id = v.id AND a.model_id::text = ANY ($2)) AS left,
            ARRAY(SELECT a.model_id::text FROM menagerie.model_version a
                   WHERE a.proxy_model_version_id = v.id AND a.model_id::text <> ALL ($2) ORDER BY a.id LIMIT 5) AS "waitedFor"
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      WHERE m.name = ANY ($1) AND v.proxy_model_version_id IS NULL AND NOT v.is_development
      ORDER BY m.name, v.number`,
    [models, leave],
  );
  const byModel = Map.groupBy(rows, ({ model }) => model);
  return new Map([...byModel].map(([model, versions]) => [model, versions.map(registered)]));
}

function registered({ model: _, url, digest, serving, left, waitedFor, ...row }: VersionRow): RegisteredVersion {
  return {
    ...row,
    ...(left ? { left } : {}),
    ...(waitedFor?.length ? { waitedFor } : {}),
    image: url === null || digest === null ? undefined : `${url}@${digest}`,
    serving: serving ? servingSchema.parse(serving) : undefined,
  };
}

/** How requests were divided last, of every model that they ever were of. */
async function storedTraffic(client: ClientBase): Promise<Map<string, StoredTraffic>> {
  const { rows: tables } = await client.query<{ found: boolean }>(
    "SELECT to_regclass('menagerie.rollout_traffic') IS NOT NULL AS found",
  );
  // An `up` that makes the table plans from what is there before.
  if (!tables[0]?.found) return new Map();
  const { rows } = await client.query<{
    model: string;
    generation: string;
    weight: number;
    control: number;
    sticky: Sticky | null;
    isOfRollout: boolean;
    isGuards: boolean;
    asked: number | null;
  }>(
    `SELECT m.name AS model, t.generation, t.weight, t.control, t.sticky,
            EXISTS (SELECT FROM menagerie.rollout_traffic_step s
                     WHERE s.model_id = t.model_id AND s.generation = t.generation AND s.changed_by = 'guard') AS "isGuards",
            (SELECT s.weight FROM menagerie.rollout_traffic_step s
              WHERE s.model_id = t.model_id AND s.changed_by <> 'guard' ORDER BY s.generation DESC LIMIT 1) AS asked,
            (t.from_version_id, t.truss_hash) IS NOT DISTINCT FROM (r.from_version_id, r.truss_hash) AS "isOfRollout"
       FROM menagerie.rollout_traffic t
       JOIN menagerie.rollout r ON r.model_id = t.model_id
       JOIN menagerie.model m ON m.id = t.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin`,
  );
  return new Map(
    rows.map(({ model, generation, sticky, isGuards, asked, ...row }) => [
      model,
      {
        ...row,
        generation: Number(generation),
        sticky: sticky ?? undefined,
        askedWeight: asked ?? undefined,
        ...(isGuards ? { isGuards } : {}),
      },
    ]),
  );
}

async function storedRollouts(client: ClientBase): Promise<Map<string, StoredRollout>> {
  const traffic = await storedTraffic(client);
  const { rows } = await client.query<{
    model: string;
    phase: Phase;
    from: string | null;
    hash: string;
    since: Date;
    left: number | null;
    keptPods: number | null;
  }>(
    `SELECT m.name AS model, r.phase, r.from_version_id AS "from", r.truss_hash AS hash, r.since,
            extract(epoch FROM r.bake_started_at + r.bake_seconds * interval '1 second' - clock_timestamp())::float8 AS left,
            -- An up that makes the column plans from what is there before.
            (to_jsonb(r)->>'kept_pods')::integer AS "keptPods"
       FROM menagerie.rollout r
       JOIN menagerie.model m ON m.id = r.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      ORDER BY m.name`,
  );
  return new Map(
    rows.map(({ from, left, keptPods, ...row }) => [
      row.model,
      {
        ...row,
        from: from ?? undefined,
        bakeSecondsLeft: left ?? undefined,
        ...(keptPods === null ? {} : { keptPods }),
        ...(traffic.has(row.model) ? { traffic: traffic.get(row.model) } : {}),
      },
    ]),
  );
}
