import type { ClientBase, Pool } from "pg";
import type { PatchPlace, ShownDevelopment, ShownPatch, WholePatch } from "../../domain/development/history.ts";
import { describeOperation } from "../../domain/patch/describe.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";

type Asked = Pick<ClientBase | Pool, "query">;

/** Which versions. */
export interface DevelopmentQuestion {
  /** Id of the organization that they belong to. @default all */
  readonly organizationId?: string | undefined;
  /** Name of the model, or id of the version. @default all */
  readonly called?: string | undefined;
}

/** Development versions with their heads, by model: those of the stack and those that clients pushed. */
export async function listDevelopment(
  client: Asked,
  { organizationId, called }: DevelopmentQuestion = {},
): Promise<ShownDevelopment[]> {
  const { rows } = await client.query<
    Omit<ShownDevelopment, "push"> & { status: string | null; because: string | null; pushedAt: Date }
  >(
    `SELECT v.id AS "versionId", m.name AS model, v.number, o.name AS organization,
            h.generation, g.base_hash AS "baseHash", g.created_at AS "deployedAt", coalesce(h.seq, 0) AS seq,
            h.hash AS "headHash", p.created_at AS "patchedAt", d.status, d.because, d.created_at AS "pushedAt"
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id
       LEFT JOIN menagerie.truss_head h ON h.model_version_id = v.id
       LEFT JOIN menagerie.truss_generation g ON g.model_version_id = v.id AND g.generation = h.generation
       LEFT JOIN menagerie.truss_patch p ON p.model_version_id = v.id AND p.generation = h.generation AND p.seq = h.seq
       LEFT JOIN LATERAL (SELECT status, because, created_at FROM menagerie.development_deployment
                           WHERE model_version_id = v.id ORDER BY id DESC LIMIT 1) d ON true
      WHERE v.is_development AND ($1::bigint IS NULL OR m.organization_id = $1)
        AND ($2::text IS NULL OR m.name = $2 OR v.id::text = $2)
      ORDER BY m.name, v.id LIMIT 1000`,
    [organizationId ?? null, called ?? null],
  );
  return rows.map(({ status, because, pushedAt, ...version }) => ({
    ...version,
    push: status === null ? null : { status, because, at: pushedAt },
  }));
}

/**
 * Patches of a version, the latest first, with those of earlier full deployments.
 *
 * @param before - only those before this one. @default from the latest
 */
export async function listPatches(
  client: Asked,
  versionId: string,
  { limit, before }: { readonly limit: number; readonly before?: PatchPlace | undefined },
): Promise<ShownPatch[]> {
  // Contents of files are left where they are: they may be megabytes, and json with a null character in them is never made text.
  const { rows } = await client.query<
    Omit<ShownPatch, "operations" | "reload"> & {
      readonly ops: readonly PatchOperation[];
      readonly reload: ShownPatch["reload"];
    }
  >(
    `SELECT p.generation, p.seq, p.created_at AS at, p.prev_hash AS "prevHash", p.next_hash AS "nextHash",
            p.sent_by AS "sentBy",
            (SELECT coalesce(json_agg(json_build_object('type', op->'type', 'body', json_build_object(
                      'action', op->'body'->'action', 'path', op->'body'->'path',
                      'requirement', op->'body'->'requirement', 'item', op->'body'->'item'))), '[]')
               FROM json_array_elements(p.ops) op) AS ops,
            CASE WHEN r.seq IS NULL THEN NULL
                 ELSE json_build_object('isHot', r.is_hot, 'tookMs', r.took_ms, 'applyMs', r.apply_ms) END AS reload
       FROM menagerie.truss_patch p
       LEFT JOIN menagerie.truss_reload r USING (model_version_id, generation, seq)
      WHERE p.model_version_id = $1
        AND ($3::integer IS NULL OR (p.generation, p.seq) < ($3, $4::integer))
      ORDER BY p.generation DESC, p.seq DESC LIMIT $2`,
    [versionId, limit, before?.generation ?? null, before?.seq ?? null],
  );
  return rows.map(({ ops, ...patch }) => ({ ...patch, operations: ops.map(shownOperation) }));
}

/** What a patch has no path of is null here, and missing in an operation. */
function shownOperation({ type, body }: PatchOperation): string {
  const known = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  return describeOperation({ type, body: known } as unknown as PatchOperation);
}

/** So many patches before one are looked through for what its files held. */
const lookedThrough = 200;

/** Undefined if the version has no patch at this place. */
export async function readWholePatch(
  client: Asked,
  versionId: string,
  place: PatchPlace,
): Promise<WholePatch | undefined> {
  const [patch] = await listPatches(client, versionId, { limit: 1, before: { ...place, seq: place.seq + 1 } });
  if (patch?.generation !== place.generation || patch.seq !== place.seq) return undefined;
  const { rows } = await client.query<{ ops: readonly PatchOperation[] }>(
    "SELECT ops FROM menagerie.truss_patch WHERE model_version_id = $1 AND generation = $2 AND seq = $3",
    [versionId, place.generation, place.seq],
  );
  const operations = rows[0]?.ops ?? [];
  const paths = operations.flatMap(({ body }) => ("path" in body ? [JSON.stringify(body.path)] : []));
  const { rows: earlier } = await client.query<{
    type: string;
    body: { path: string; action: string; content: string | null };
  }>(
    `SELECT DISTINCT ON ((op->'type')::text, (op->'body'->'path')::text) op->'type' AS type, op->'body' AS body
       FROM menagerie.truss_patch p, json_array_elements(p.ops) op
      WHERE p.model_version_id = $1 AND p.generation = $2 AND p.seq < $3 AND p.seq >= $3 - $5::integer
        AND (op->'body'->'path')::text = ANY ($4)
      ORDER BY (op->'type')::text, (op->'body'->'path')::text, p.seq DESC`,
    [versionId, place.generation, place.seq, paths, lookedThrough],
  );
  const before = new Map(
    earlier.map(
      ({ type, body }) => [`${type} ${body.path}`, body.action === "REMOVE" ? "" : (body.content ?? "")] as const,
    ),
  );
  return { patch, operations, before };
}
