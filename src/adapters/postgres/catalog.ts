import type { Pool } from "pg";
import type { KeyScope } from "../../domain/access/apiKey.ts";
import type { TrussSignature } from "../../domain/truss/signature.ts";

/** A model as clients see it. */
export interface CatalogModel {
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  readonly organization: string;
}

/** A version as clients see it. */
export interface CatalogVersion {
  readonly id: string;
  readonly modelId: string;
  readonly number: number;
  /** Of a development version the hash of its head. */
  readonly hash: string | null;
  /** Of development versions that were deployed. */
  readonly signature: TrussSignature | null;
  readonly isDevelopment: boolean;
  readonly isCurrent: boolean;
}

const modelColumns = `m.id, m.name, m.organization_id AS "organizationId", o.name AS organization`;
const modelTables = "menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id";
/** Condition on `m`, a model, with {@link bounds} as the first two values: what a key opens. */
export const inScope = "($1::bigint IS NULL OR m.id = $1) AND ($2::bigint IS NULL OR m.organization_id = $2)";

/** Models that a key opens, in the order they were made. */
export async function listModels(pool: Pool, scope: KeyScope): Promise<CatalogModel[]> {
  const { rows } = await pool.query<CatalogModel>(
    `SELECT ${modelColumns} FROM ${modelTables} WHERE ${inScope} ORDER BY m.id LIMIT 100000`,
    bounds(scope),
  );
  return rows;
}

/** The model with this id, or with this name, among those that a key opens. */
export async function findModel(
  pool: Pool,
  scope: KeyScope,
  by: { readonly id: string } | { readonly name: string },
): Promise<CatalogModel | undefined> {
  const [condition, value] = "id" in by ? ["m.id::text = $3", by.id] : ["m.name = $3", by.name];
  const { rows } = await pool.query<CatalogModel>(
    `SELECT ${modelColumns} FROM ${modelTables} WHERE ${inScope} AND ${condition} ORDER BY m.id LIMIT 1`,
    [...bounds(scope), value],
  );
  return rows[0];
}

/** A model's versions, the development version first; of an id, that one alone. */
export async function listVersions(
  pool: Pool,
  by: { readonly modelId: string } | { readonly id: string },
): Promise<CatalogVersion[]> {
  const [condition, value] = "id" in by ? ["v.id::text = $1", by.id] : ["v.model_id = $1", by.modelId];
  const { rows } = await pool.query<CatalogVersion>(
    `SELECT v.id, v.model_id AS "modelId", v.number, coalesce(h.hash, v.truss_hash) AS hash, h.signature,
            v.is_development AS "isDevelopment", v.is_current AS "isCurrent"
       FROM menagerie.model_version v LEFT JOIN menagerie.truss_head h ON h.model_version_id = v.id
      WHERE ${condition} ORDER BY v.is_development DESC, v.number DESC LIMIT 1000`,
    [value],
  );
  return rows;
}

/** Organizations that a key opens. */
export async function listOrganizations(
  pool: Pool,
  scope: KeyScope,
): Promise<{ readonly id: string; readonly name: string; readonly isAdmin: boolean }[]> {
  const { rows } = await pool.query<{ id: string; name: string; isAdmin: boolean }>(
    `SELECT o.id, o.name, o.is_admin AS "isAdmin" FROM menagerie.organization o
      WHERE ($2::bigint IS NULL OR o.id = $2)
        AND ($1::bigint IS NULL OR o.id = (SELECT organization_id FROM menagerie.model WHERE id = $1))
      ORDER BY o.is_admin DESC, o.id LIMIT 100000`,
    bounds(scope),
  );
  return rows;
}

export function bounds(scope: KeyScope): [string | null, string | null] {
  return ["modelId" in scope ? scope.modelId : null, "organizationId" in scope ? scope.organizationId : null];
}
