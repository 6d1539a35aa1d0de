import type { ClientBase } from "pg";
import { OperatorError } from "../../domain/errors.ts";
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

async function ensureModel(
  client: ClientBase,
  { model, organization }: Pick<VersionRegistration, "model" | "organization">,
): Promise<string> {
  const organizations = await client.query<{ id: string }>("SELECT id FROM menagerie.organization WHERE name = $1", [
    organization,
  ]);
  const organizationId = organizations.rows[0]?.id;
  if (organizationId === undefined) {
    throw new OperatorError(`model ${model}: there is no organization "${organization}"; the migrations make "admin"`);
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
      throw new OperatorError(
        `model ${model}: version ${number} is another content (hash ${row.truss_hash?.slice(0, 12) ?? "none"}, not ` +
          `${hash.slice(0, 12)}); it was registered after this plan was made, run \`up\` again`,
      );
    }
    if (row.number !== number) {
      throw new OperatorError(
        `model ${model}: this content is version ${row.number}, not ${number}; it was registered after this plan ` +
          "was made, run `up` again",
      );
    }
  }
}

async function writeRow(
  client: ClientBase,
  modelId: string,
  { number, hash, digest }: VersionRegistration,
  known: string | undefined,
): Promise<string> {
  if (known !== undefined) {
    await client.query(
      `UPDATE menagerie.model_version SET image_digest = $2, status = 'active'
        WHERE id = $1 AND (image_digest, status) IS DISTINCT FROM ($2, 'active')`,
      [known, digest],
    );
    return known;
  }
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.model_version (model_id, number, truss_hash, image_digest) VALUES ($1, $2, $3, $4)
     RETURNING id`,
    [modelId, number, hash, digest],
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
