import type { ClientBase } from "pg";
import type { DeployedVersion } from "../../domain/development/plan.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import { lockedModel } from "./modelVersions.ts";
import { refuse } from "./refusals.ts";
import { type DatabaseServer, withClient } from "./server.ts";
import { inTransaction } from "./transaction.ts";
import { adminModels } from "./zoo/registry.ts";

/** A development version's row, with the chain of its patches. */
export interface RegisteredDevelopment {
  readonly versionId: string;
  readonly number: number;
  /** Made by a client, so that the API service deploys it and a stack must not. */
  readonly isOwnedByApi: boolean;
  /** Undefined before the first full deployment was recorded. */
  readonly deployed: DeployedVersion | undefined;
}

/** What the tables hold of the names that a stack declares development versions under. */
export interface DevelopmentRegistry {
  readonly versions: ReadonlyMap<string, RegisteredDevelopment>;
  /** Highest number of any version, by model. */
  readonly highest: ReadonlyMap<string, number>;
}

interface Row {
  readonly model: string;
  readonly versionId: string;
  readonly number: number;
  readonly isOwnedByApi: boolean;
  readonly baseHash: string | null;
  readonly headHash: string | null;
  readonly headSignature: DeployedVersion["headSignature"] | null;
  readonly seq: number | null;
}

/** Reads the development versions of `models` of the admin organization, with their heads, in one read-only transaction. */
export function readDevelopmentVersions(
  server: DatabaseServer,
  models: readonly string[] | "every",
): Promise<DevelopmentRegistry> {
  const named = async (client: ClientBase) => read(client, models === "every" ? await adminModels(client) : models);
  return withClient(server, platformDatabase, (client) =>
    inTransaction(client, () => named(client), { readOnly: true }),
  );
}

async function read(client: ClientBase, models: readonly string[]): Promise<DevelopmentRegistry> {
  const highest = await client.query<{ model: string; highest: number }>(
    `SELECT m.name AS model, max(v.number) AS highest
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      WHERE m.name = ANY ($1) GROUP BY m.name`,
    [models],
  );
  // A schema from before development versions has none; the `up` that this plans migrates it.
  const { rows: tables } = await client.query<{ known: boolean }>(
    "SELECT to_regclass('menagerie.truss_head') IS NOT NULL AS known",
  );
  const { rows } = tables[0]?.known
    ? await client.query<Row>(
        `SELECT m.name AS model, v.id AS "versionId", v.number,
                EXISTS (SELECT FROM menagerie.development_deployment d WHERE d.model_version_id = v.id) AS "isOwnedByApi",
                g.base_hash AS "baseHash", h.hash AS "headHash", h.signature AS "headSignature", h.seq
           FROM menagerie.model_version v
           JOIN menagerie.model m ON m.id = v.model_id
           JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
           LEFT JOIN menagerie.truss_head h ON h.model_version_id = v.id
           LEFT JOIN menagerie.truss_generation g ON g.model_version_id = v.id AND g.generation = h.generation
          WHERE m.name = ANY ($1) AND v.is_development`,
        [models],
      )
    : { rows: [] };
  return {
    highest: new Map(highest.rows.map((row) => [row.model, row.highest])),
    versions: new Map(rows.map((row) => [row.model, registered(row)])),
  };
}

function registered({ versionId, number, isOwnedByApi, baseHash, headHash, headSignature, seq }: Row) {
  const deployed =
    baseHash === null || headHash === null
      ? undefined
      : { baseHash, headHash, seq: seq ?? 0, headSignature: headSignature ?? undefined };
  return { versionId, number, isOwnedByApi, deployed };
}

/** A development version to register. */
export interface DevelopmentRegistration {
  readonly model: string;
  readonly organization: string;
  readonly number: number;
  /** Content of its last full deployment. */
  readonly hash: string;
  /** `sha256:<64 hex>` of that image. */
  readonly digest: string;
}

/**
 * Makes the model's one development version say what `version` says, in one transaction; answers the row's id. Unlike
 * other versions it is changed in place: its number stays while its content moves.
 * @throws OperatorError when the number stands for another version, or a client made the development version.
 */
export function registerDevelopment(client: ClientBase, version: DevelopmentRegistration): Promise<string> {
  return inTransaction(client, async () => {
    const modelId = await lockedModel(client, version);
    const { model, number, hash, digest } = version;
    const { rows } = await client.query<{ id: string; number: number; is_development: boolean }>(
      `SELECT id, number, is_development FROM menagerie.model_version
        WHERE model_id = $1 AND (is_development OR number = $2)`,
      [modelId, number],
    );
    const taken = rows.find((row) => !row.is_development);
    if (taken) {
      throw refuse("version.not-development", { model, number });
    }
    const own = rows.find((row) => row.is_development);
    if (!own) {
      const made = await client.query<{ id: string }>(
        `INSERT INTO menagerie.model_version (model_id, number, truss_hash, image_digest, is_development)
         VALUES ($1, $2, $3, $4, true) RETURNING id`,
        [modelId, number, hash, digest],
      );
      return made.rows[0]?.id ?? "";
    }
    await client.query(
      `UPDATE menagerie.model_version SET truss_hash = $2, image_digest = $3, status = 'active'
        WHERE id = $1 AND (truss_hash, image_digest, status) IS DISTINCT FROM ($2, $3, 'active')`,
      [own.id, hash, digest],
    );
    return own.id;
  });
}
