import type { ClientBase } from "pg";
import { copySuffix } from "../../domain/zoo/plan.ts";
import type { RecordedServing } from "../../domain/zoo/serving.ts";
import { refuse } from "./refusals.ts";
import { inTransaction } from "./transaction.ts";

/** A version to register. */
export interface VersionRegistration {
  /** Name of the zoo model. */
  readonly model: string;
  readonly organization: string;
  readonly number: number;
  /** Content hash of its truss folder. */
  readonly hash: string;
  /** `sha256:<64 hex>` of the image. */
  readonly digest: string;
  /** Repository part of the image. @default as its row says */
  readonly url?: string | undefined;
  /** How it is served, for when it is declared from its row. @default as its row says */
  readonly serving?: RecordedServing | undefined;
  /** New apps use it; the version that was current no longer is. */
  readonly current: boolean;
}

/**
 * Makes the registry say what `version` says, in one transaction: a check-and-set on the number, which must be free or
 * hold the same hash. Answers the row's id. Registering the same again changes nothing.
 * @throws OperatorError when another hash holds the number, or the hash has another number.
 */
export function registerVersion(client: ClientBase, version: VersionRegistration): Promise<string> {
  return inTransaction(client, async () => {
    const modelId = await lockedModel(client, version);
    const held = await client.query<{ id: string; number: number; truss_hash: string }>(
      `SELECT id, number, truss_hash FROM menagerie.model_version
        WHERE model_id = $1 AND (number = $2
           OR (truss_hash = $3 AND proxy_model_version_id IS NULL AND NOT is_development))`,
      [modelId, version.number, version.hash],
    );
    refuseOther(version, held.rows);
    const id = await writeRow(client, modelId, version, held.rows[0]?.id);
    if (version.current) await makeCurrent(client, modelId, id);
    return id;
  });
}

/** Whether the registry still holds what was registered under `id`. */
export async function versionExists(client: ClientBase, id: string, hash: string): Promise<boolean> {
  const { rowCount } = await client.query("SELECT FROM menagerie.model_version WHERE id = $1 AND truss_hash = $2", [
    id,
    hash,
  ]);
  return rowCount === 1;
}

/** Id of the model, made where it is missing. Until the transaction's end its registrations follow each other. */
export async function lockedModel(
  client: ClientBase,
  named: Pick<VersionRegistration, "model" | "organization">,
): Promise<string> {
  const modelId = await ensureModel(client, named);
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.model_version', $1::bigint))", [
    modelId,
  ]);
  return modelId;
}

/**
 * Retires a version whose service is about to be deleted: from then on no app can be pointed at it. Of one that nobody knows:
 * nothing. Versions of a copy follow each other in one place, so apps may stay on one that another takes the place of.
 *
 * @param options.unused - Refuse, in one sentence, while apps point at it or a rollout under way needs it. Default: true.
 */
export function retireVersion(
  client: ClientBase,
  id: string,
  { unused = true }: { readonly unused?: boolean } = {},
): Promise<void> {
  return inTransaction(client, async () => {
    // Whoever points an app at it holds the row (FOR KEY SHARE) until that is committed, and is counted below.
    await client.query("SELECT FROM menagerie.model_version WHERE id = $1 FOR UPDATE", [id]);
    if (unused) await requireUnused(client, id);
    await client.query("UPDATE menagerie.model_version SET status = 'inactive' WHERE id = $1", [id]);
  });
}

/** Why versions cannot be retired for the apps that point at them: a sentence each, and none for those that can. */
export async function pointedAt(client: ClientBase, ids: readonly string[]): Promise<string[]> {
  const reasons: string[] = [];
  for (const id of ids) {
    const use = await useOf(client, id);
    const reason = use && appsAt(use);
    if (reason !== undefined) reasons.push(reason);
  }
  return reasons;
}

interface VersionUse {
  readonly model: string;
  readonly number: number;
  readonly apps: number;
  /** Of the rollout that needs it; null for none. */
  readonly phase: string | null;
  /** Whether another version of the model is served. */
  readonly followed: boolean;
}

async function useOf(client: ClientBase, id: string): Promise<VersionUse | undefined> {
  const { rows } = await client.query<VersionUse>(
    `SELECT m.name AS model, v.number, r.phase,
            (SELECT count(*)::integer FROM menagerie.model_version a
              WHERE a.proxy_model_version_id = ANY (
                SELECT s.id FROM menagerie.model_version s
                 WHERE s.model_id = v.model_id AND (s.id = v.id OR right(m.name, length($2)) = $2))) AS apps,
            EXISTS (SELECT FROM menagerie.model_version o WHERE o.model_id = v.model_id AND o.id <> v.id
                       AND o.status = 'active') AS followed
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       LEFT JOIN menagerie.rollout r ON r.model_id = m.id AND r.phase IN ('version', 'forward', 'bake')
        AND r.from_version_id IS NOT NULL AND (r.from_version_id = v.id OR r.truss_hash = v.truss_hash)
      WHERE v.id = $1`,
    [id, copySuffix],
  );
  return rows[0];
}

function appsAt({ model, number, apps, followed }: VersionUse): string | undefined {
  if (apps === 0 || (model.endsWith(copySuffix) && followed)) return undefined;
  return `version ${number} of ${model} is not removed: ${apps === 1 ? "1 app points" : `${apps} apps point`} at it`;
}

async function requireUnused(client: ClientBase, id: string): Promise<void> {
  const use = await useOf(client, id);
  if (!use) return;
  const apps = appsAt(use);
  if (apps !== undefined) throw refuse("version.in-use", { apps });
  if (use.phase !== null) {
    throw refuse("version.rollout-under-way", { number: use.number, model: use.model, phase: use.phase });
  }
}

async function ensureModel(
  client: ClientBase,
  { model, organization }: Pick<VersionRegistration, "model" | "organization">,
): Promise<string> {
  const organizations = await client.query<{ id: string }>("SELECT id FROM menagerie.organization WHERE name = $1", [
    organization,
  ]);
  const organizationId = organizations.rows[0]?.id;
  if (organizationId === undefined) {
    throw refuse("organization.missing", { model, organization });
  }
  await client.query(
    "INSERT INTO menagerie.model (name, organization_id) VALUES ($1, $2) ON CONFLICT (organization_id, name) DO NOTHING",
    [model, organizationId],
  );
  const models = await client.query<{ id: string }>(
    "SELECT id FROM menagerie.model WHERE name = $1 AND organization_id = $2",
    [model, organizationId],
  );
  const id = models.rows[0]?.id;
  if (id === undefined) throw new Error(`model ${model} vanished while it was registered`);
  return id;
}

function refuseOther(
  { model, number, hash }: VersionRegistration,
  held: readonly { readonly number: number; readonly truss_hash: string | null }[],
): void {
  for (const row of held) {
    if (row.truss_hash !== hash) {
      throw refuse("version.number-taken", {
        model,
        number,
        held: row.truss_hash?.slice(0, 12) ?? "none",
        hash: hash.slice(0, 12),
      });
    }
    if (row.number !== number) {
      throw refuse("version.content-taken", { model, otherNumber: row.number, number });
    }
  }
}

async function writeRow(
  client: ClientBase,
  modelId: string,
  { number, hash, digest, url, serving }: VersionRegistration,
  known: string | undefined,
): Promise<string> {
  const served = [digest, url ?? null, serving ? JSON.stringify(serving) : null];
  if (known !== undefined) {
    await client.query(
      `UPDATE menagerie.model_version
          SET image_digest = $2, image_url = coalesce($3, image_url), serving = coalesce($4, serving), status = 'active'
        WHERE id = $1 AND (image_digest, image_url, serving, status)
              IS DISTINCT FROM ($2, coalesce($3, image_url), coalesce($4::jsonb, serving), 'active')`,
      [known, ...served],
    );
    return known;
  }
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.model_version (model_id, number, truss_hash, image_digest, image_url, serving)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
    [modelId, number, hash, ...served],
  );
  return rows[0]?.id ?? "";
}

async function makeCurrent(client: ClientBase, modelId: string, id: string): Promise<void> {
  await client.query(
    "UPDATE menagerie.model_version SET is_current = false WHERE model_id = $1 AND is_current AND id <> $2",
    [modelId, id],
  );
  await client.query("UPDATE menagerie.model_version SET is_current = true WHERE id = $1 AND NOT is_current", [id]);
}
