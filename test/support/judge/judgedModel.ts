import type { ClientBase } from "pg";
import type { DeclaredJudge } from "../../../src/domain/judgement/declared.ts";
import { recordedAs } from "../../../src/domain/recording/recordedAs.ts";
import type { Sticky } from "../../../src/domain/zoo/traffic.ts";

/** A judge with the defaults that errors alone need. */
export const usualJudge: DeclaredJudge = {
  risk: 0.01,
  maxErrorIncrease: 0.01,
  minRequests: 100,
  control: 5,
  action: "revert",
  limits: [],
};

export interface JudgedModel {
  readonly model: string;
  readonly modelId: string;
  /** Ids of the versions. */
  readonly old: string;
  readonly fresh: string;
  readonly hash: string;
}

/** A model in phase `version` of a rollout, with a judge; `client` may write every table. */
export async function judgedModel(client: ClientBase, model: string, judge = usualJudge): Promise<JudgedModel> {
  const hash = Buffer.from(`new ${model}`).toString("hex").padEnd(64, "0").slice(0, 64);
  const { rows } = await client.query<{ modelId: string; old: string; fresh: string }>(
    `WITH m AS (
       INSERT INTO menagerie.model (name, organization_id)
       SELECT $1, id FROM menagerie.organization WHERE is_admin RETURNING id
     ), v AS (
       INSERT INTO menagerie.model_version (model_id, number, truss_hash)
       SELECT m.id, number, CASE number WHEN 1 THEN repeat('0', 64) ELSE $2 END FROM m, generate_series(1, 2) number
       RETURNING id, number
     )
     SELECT m.id::text AS "modelId", o.id::text AS old, n.id::text AS fresh
       FROM m JOIN v o ON o.number = 1 JOIN v n ON n.number = 2`,
    [model, hash],
  );
  const [ids] = rows;
  if (!ids) throw new Error("no model was made");
  await client.query(
    `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash, judge) VALUES ($1, 'version', $2, $3, $4)`,
    [ids.modelId, ids.old, hash, JSON.stringify(judge)],
  );
  return { model, hash, ...ids };
}

/** Puts the rollout back to phase `copy`, where 20 % of the requests are copied to the copy, from a moment on, in seconds since 1970. Answers what the copy's answers are recorded as. */
export async function copyOf(client: ClientBase, { model, modelId, hash }: JudgedModel, at: number): Promise<string> {
  await client.query(
    `WITH c AS (INSERT INTO menagerie.model (name, organization_id)
                SELECT $1 || '_copy', id FROM menagerie.organization WHERE is_admin RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash) SELECT id, 1, $2 FROM c`,
    [model, hash],
  );
  await client.query("UPDATE menagerie.rollout SET phase = 'copy' WHERE model_id = $1", [modelId]);
  await client.query("SELECT menagerie.set_traffic($1, NULL, 0, 20, NULL, 'up', NULL)", [model]);
  await client.query(
    "UPDATE menagerie.rollout_traffic_step SET at = to_timestamp($2), applied_at = to_timestamp($2) WHERE model_id = $1",
    [modelId, at],
  );
  return recordedAs(`${model}_copy`, hash, {});
}

/** Writes a weight as `up` and the gateway do, in force from a moment, in seconds since 1970. Answers its generation. */
export async function weightFrom(
  client: ClientBase,
  { model }: Pick<JudgedModel, "model">,
  weight: number,
  at: number,
  sticky: Sticky | null = null,
): Promise<number> {
  const { rows } = await client.query<{ generation: string }>(
    `SELECT s.generation FROM menagerie.model m LEFT JOIN menagerie.rollout_traffic t ON t.model_id = m.id,
            menagerie.set_traffic(m.name, t.generation, $2, 5, $3, 'up', NULL) s WHERE m.name = $1`,
    [model, weight, sticky],
  );
  await client.query(
    `UPDATE menagerie.rollout_traffic_step SET at = to_timestamp($3), applied_at = to_timestamp($3)
      WHERE generation = $2 AND model_id = (SELECT id FROM menagerie.model WHERE name = $1)`,
    [model, rows[0]?.generation, at],
  );
  return Number(rows[0]?.generation);
}
