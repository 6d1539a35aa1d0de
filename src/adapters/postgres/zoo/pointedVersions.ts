import type { ClientBase } from "pg";
import { type PointedVersion, type PointingWay, pointingRefusal } from "../../../domain/zoo/pointing.ts";
import { refuse } from "./refusals.ts";

/**
 * Condition on a row of `model_version` under the alias: it answers predictions. A stack sets the status when what serves the
 * version has answered, and takes it back before that is deleted.
 */
export const servedCondition = (alias: string): string =>
  `(${alias}.status = 'active' AND ${alias}.proxy_model_version_id IS NULL AND NOT ${alias}.is_development)`;

/** Versions by id, as far as they are versions of a model and no apps. */
export async function readPointedVersions(
  client: ClientBase,
  ids: readonly string[],
): Promise<Map<string, PointedVersion>> {
  const { rows } = await client.query<PointedVersion>(
    `SELECT v.id::text AS id, m.name AS model, v.number, ${servedCondition("v")} AS served
       FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
      WHERE v.id::text = ANY ($1) AND v.proxy_model_version_id IS NULL AND NOT v.is_development`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * Throws the refusal where apps may not be pointed at `goal`. Call it in the transaction that points them there, after the
 * statement that does: from then on nobody can retire the version before the transaction's end.
 */
export async function requirePointable(
  client: ClientBase,
  way: PointingWay,
  goal: string,
  left?: string | undefined,
): Promise<void> {
  const versions = await readPointedVersions(client, left === undefined ? [goal] : [goal, left]);
  const version = versions.get(goal);
  if (!version) throw refuse("pointing.no-version", { goal });
  const refused = pointingRefusal(way, version, left === undefined ? undefined : versions.get(left));
  if (refused !== undefined) throw refuse("pointing.not-served", refused);
}
