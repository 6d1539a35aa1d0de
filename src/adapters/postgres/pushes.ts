import type { ClientBase, Pool } from "pg";
import { OperatorError } from "../../domain/errors.ts";
import type { TrussSignature } from "../../domain/truss/signature.ts";
import { refusal } from "./refusals.ts";
import { inPooledTransaction } from "./transaction.ts";
import { beginGeneration, lockVersion } from "./trussPatches.ts";

/** A truss that a client pushed, as it is recorded. */
export interface PushRecord {
  readonly organizationId: string;
  /** Name of the model. */
  readonly name: string;
  /** Key of the upload. */
  readonly upload: string;
  /** Text of its config.yaml, sealed as the signature is. */
  readonly config: string;
  readonly hash: string;
  readonly signature: TrussSignature;
}

/** A full deployment of a pushed version that one replica works on. */
export interface ClaimedPush {
  readonly id: string;
  readonly versionId: string;
  readonly model: string;
  readonly upload: string;
  readonly config: string;
  readonly hash: string;
  readonly signature: TrussSignature;
  readonly status: "building" | "deploying";
  /** `<url>@<digest>`, once it is built. */
  readonly image: string | null;
  /** Seconds since it was pushed. */
  readonly age: number;
}

/** How a version's last full deployment is. */
export interface PushStatus {
  readonly status: "building" | "deploying" | "active" | "failed";
  readonly reason: string | null;
  /** When that was so, in milliseconds since 1970. */
  readonly at: number;
}

/** The stack declares a model of this name: a push of it is refused. */
export class DeclaredByStack extends OperatorError {}

/**
 * Records a push in one transaction: the model and its development version where they are missing, and a deployment that
 * takes the place of one under way.
 * @throws DeclaredByStack when a stack declares a model of this name.
 */
export function recordPush(pool: Pool, push: PushRecord): Promise<{ modelId: string; versionId: string }> {
  return inPooledTransaction(pool, async (client) => {
    const modelId = await lockedModel(client, push);
    const versionId = await ownVersion(client, modelId, push);
    await client.query(
      `UPDATE menagerie.development_deployment SET status = 'superseded', holder = NULL, finished_at = now()
          WHERE model_version_id = $1 AND status IN ('building', 'deploying')`,
      [versionId],
    );
    await client.query(
      `INSERT INTO menagerie.development_deployment (model_version_id, upload, config, truss_hash, signature, is_sealed)
         VALUES ($1, $2, $3, $4, $5, true)`,
      [versionId, push.upload, push.config, push.hash, JSON.stringify(push.signature)],
    );
    return { modelId, versionId };
  });
}

/** The oldest deployment that nobody works on, for `seconds`; undefined where there is none. */
export async function claimPush(pool: Pool, holder: string, seconds: number): Promise<ClaimedPush | undefined> {
  const { rows } = await pool.query<ClaimedPush>(
    `WITH next AS (
       SELECT id FROM menagerie.development_deployment
        WHERE status IN ('building', 'deploying') AND lease_until <= now()
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
     UPDATE menagerie.development_deployment d
        SET holder = $1, lease_until = now() + make_interval(secs => $2)
       FROM next, menagerie.model_version v, menagerie.model m
      WHERE d.id = next.id AND v.id = d.model_version_id AND m.id = v.model_id
     RETURNING d.id, d.model_version_id AS "versionId", m.name AS model, d.upload, d.config, d.truss_hash AS hash,
               d.signature, d.status, d.image, extract(epoch FROM now() - d.created_at)::float8 AS age`,
    [holder, seconds],
  );
  return rows[0];
}

/** Whether the deployment is still this replica's; if so, for `seconds` more. */
export async function renewPush(pool: Pool, id: string, holder: string, seconds: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE menagerie.development_deployment SET lease_until = now() + make_interval(secs => $3)
      WHERE id = $1 AND holder = $2 AND status IN ('building', 'deploying')`,
    [id, holder, seconds],
  );
  return rowCount === 1;
}

/** Remembers the image, with the version's row, in one transaction. Answers whether the deployment is still this replica's. */
export function recordBuilt(
  pool: Pool,
  { id, versionId, hash }: Pick<ClaimedPush, "id" | "versionId" | "hash">,
  holder: string,
  image: { readonly url: string; readonly digest: string },
): Promise<boolean> {
  return inPooledTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE menagerie.development_deployment SET status = 'deploying', image = $3
          WHERE id = $1 AND holder = $2 AND status = 'building'`,
      [id, holder, `${image.url}@${image.digest}`],
    );
    if (rowCount !== 1) return false;
    await client.query(
      "UPDATE menagerie.model_version SET truss_hash = $2, image_digest = $3, status = 'active' WHERE id = $1",
      [versionId, hash, image.digest],
    );
    return true;
  });
}

/**
 * Begins the chain of patches of this deployment, once: what clients patch after that stays when the deployment is
 * carried on by another replica. Answers whether the deployment is still this replica's.
 */
export function beginChain(
  pool: Pool,
  { id, versionId, hash, signature }: Pick<ClaimedPush, "id" | "versionId" | "hash" | "signature">,
  holder: string,
): Promise<boolean> {
  return lockVersion(pool, versionId, async (client) => {
    const { rows } = await client.query<{ generation: number | null }>(
      `SELECT generation FROM menagerie.development_deployment
        WHERE id = $1 AND holder = $2 AND status = 'deploying' FOR UPDATE`,
      [id, holder],
    );
    const [row] = rows;
    if (!row) return false;
    if (row.generation !== null) return true;
    const generation = await beginGeneration(client, versionId, hash, signature);
    await client.query("UPDATE menagerie.development_deployment SET generation = $2 WHERE id = $1", [id, generation]);
    return true;
  });
}

/** Ends a deployment, unless another has taken its place. */
export async function finishPush(
  pool: Pool,
  id: string,
  holder: string,
  end: { readonly status: "active" | "failed"; readonly reason?: string },
): Promise<void> {
  await pool.query(
    `UPDATE menagerie.development_deployment SET status = $3, because = $4, finished_at = now(), holder = NULL
      WHERE id = $1 AND holder = $2 AND status IN ('building', 'deploying')`,
    [id, holder, end.status, end.reason ?? null],
  );
}

/** Undefined for versions that no client pushed. */
export async function lastPush(pool: Pool, versionId: string): Promise<PushStatus | undefined> {
  const { rows } = await pool.query<PushStatus>(
    `SELECT status, because AS reason, extract(epoch FROM coalesce(finished_at, created_at))::float8 * 1000 AS at
       FROM menagerie.development_deployment WHERE model_version_id = $1 AND status <> 'superseded'
      ORDER BY id DESC LIMIT 1`,
    [versionId],
  );
  return rows[0];
}

async function lockedModel(client: ClientBase, { organizationId, name }: PushRecord): Promise<string> {
  await client.query(
    "INSERT INTO menagerie.model (name, organization_id) VALUES ($1, $2) ON CONFLICT (organization_id, name) DO NOTHING",
    [name, organizationId],
  );
  const { rows } = await client.query<{ id: string }>(
    "SELECT id FROM menagerie.model WHERE name = $1 AND organization_id = $2",
    [name, organizationId],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error(`model ${name} vanished while it was pushed`);
  // The lock that registrations of a stack take too.
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.model_version', $1::bigint))", [id]);
  return id;
}

/** The model's development version, where a client made it, or a new one. */
async function ownVersion(client: ClientBase, modelId: string, { name, hash }: PushRecord): Promise<string> {
  const { rows } = await client.query<{ id: string; isOwn: boolean }>(
    `SELECT v.id, EXISTS (SELECT FROM menagerie.development_deployment d WHERE d.model_version_id = v.id) AS "isOwn"
       FROM menagerie.model_version v WHERE v.model_id = $1`,
    [modelId],
  );
  if (rows.some(({ isOwn }) => !isOwn)) {
    throw new DeclaredByStack(refusal("push.declared-by-stack", null, { name }));
  }
  const own = rows[0]?.id;
  if (own !== undefined) return own;
  const made = await client.query<{ id: string }>(
    `INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development) VALUES ($1, 1, $2, true)
     RETURNING id`,
    [modelId, hash],
  );
  return made.rows[0]?.id ?? "";
}
