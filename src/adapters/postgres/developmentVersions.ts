import type { Pool } from "pg";
import type { Limits } from "../../domain/limits/limits.ts";
import { type LimitRow, limitColumns, limitsOf } from "./limits/databaseLimits.ts";

/** A development version as its row says. */
export interface DevelopmentVersion {
  readonly id: string;
  readonly modelId: string;
  /** Name of the model. */
  readonly model: string;
  readonly organizationId: string;
  /** What the organization is limited to. */
  readonly limits: Limits;
  /** Whether a client made it, so that the API deploys it; else a stack does. */
  readonly isOwnedByApi: boolean;
}

/** The development version with this id; undefined where there is none. */
export async function findDevelopmentVersion(pool: Pool, versionId: string): Promise<DevelopmentVersion | undefined> {
  const { rows } = await pool.query<Omit<DevelopmentVersion, "limits"> & LimitRow>(
    `SELECT v.id, v.model_id AS "modelId", m.name AS model, m.organization_id AS "organizationId", ${limitColumns("o")},
            EXISTS (SELECT FROM menagerie.development_deployment d WHERE d.model_version_id = v.id) AS "isOwnedByApi"
       FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id
      WHERE v.id = $1 AND v.is_development`,
    [versionId],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { id, modelId, model, organizationId, isOwnedByApi } = row;
  return { id, modelId, model, organizationId, isOwnedByApi, limits: limitsOf(row) };
}
