import type { Pool } from "pg";
import type { KeyScope } from "../../domain/access/apiKey.ts";
import type { PushedVersion } from "../../domain/development/contract.ts";
import { OperatorError } from "../../domain/errors.ts";
import { pushedServiceName } from "../../domain/serving/pushedService.ts";
import { bounds, inScope } from "./catalog.ts";
import { refusal } from "./refusals.ts";
import { sqlState } from "./server.ts";

/** Apps point at the version, or a rollout came from it. */
export class VersionInUse extends OperatorError {}

/** Versions that clients pushed, among those that a key opens, in the order they were made. */
export async function listPushed(pool: Pool, scope: KeyScope): Promise<PushedVersion[]> {
  const { rows } = await pool.query<PushedVersion>(
    `SELECT v.id AS "versionId", v.model_id AS "modelId", m.name AS model, o.name AS organization,
            coalesce(h.hash, v.truss_hash) AS "headHash", d.status, d.because,
            extract(epoch FROM d.created_at)::float8 * 1000 AS "pushedAt",
            extract(epoch FROM s.used_at)::float8 * 1000 AS "usedAt"
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id
       JOIN LATERAL (SELECT status, because, created_at FROM menagerie.development_deployment
                      WHERE model_version_id = v.id ORDER BY id DESC LIMIT 1) d ON true
       LEFT JOIN menagerie.truss_head h ON h.model_version_id = v.id
       LEFT JOIN menagerie.sleep_state s ON s.service = $3::text || v.id
      WHERE v.is_development AND ${inScope}
      ORDER BY v.id LIMIT 10000`,
    [...bounds(scope), pushedServiceName("")],
  );
  return rows;
}

/**
 * Deletes a pushed version with its chain, heads and deployments, and its model where nothing else names that, in one
 * transaction that records it. Answers the keys of its uploads; undefined where no client pushed such a version.
 * @throws VersionInUse when something points at it.
 */
export async function deletePushed(pool: Pool, versionId: string): Promise<readonly string[] | undefined> {
  try {
    const { rows } = await pool.query<{ uploads: string[] }>(
      "INSERT INTO menagerie.development_deletion (model_version_id) VALUES ($1) RETURNING uploads",
      [versionId],
    );
    return rows[0]?.uploads;
  } catch (error) {
    switch (sqlState(error)) {
      // Raised by the trigger; and deleted before.
      case "P0002":
      case "23505":
        return undefined;
      case "23503":
        throw new VersionInUse(refusal("version.pushed-in-use", null, { versionId }), {
          cause: error,
        });
      default:
        throw error;
    }
  }
}

/** Those of the ids that no version has. */
export async function missingVersions(pool: Pool, versionIds: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT asked.id::text AS id FROM unnest($1::bigint[]) AS asked (id)
      WHERE NOT EXISTS (SELECT FROM menagerie.model_version v WHERE v.id = asked.id)`,
    [versionIds],
  );
  return rows.map(({ id }) => id);
}
