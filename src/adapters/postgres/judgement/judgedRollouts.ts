import type { ClientBase } from "pg";
import { type DeclaredJudge, declaredJudgeSchema } from "../../../domain/judgement/declared.ts";
import type { WeightStep } from "../../../domain/judgement/routedRows.ts";
import { recordedAs } from "../../../domain/recording/recordedAs.ts";
import type { Phase } from "../../../domain/zoo/phases.ts";
import { versionedName } from "../../../domain/zoo/plan.ts";

/** One of a rollout's two versions. */
export interface JudgedSide {
  /** Id in `model_version`. */
  readonly id: string;
  /** What its recorded answers carry. */
  readonly recordedAs: string;
  /** Name of its InferenceService. */
  readonly service: string;
  /** Whether the gateway has one destination for all versions of its mode, so that it cannot count them apart. */
  readonly isUncounted: boolean;
}

/** A rollout that somebody judges. */
export interface JudgedRollout {
  readonly modelId: string;
  readonly model: string;
  readonly phase: Phase;
  readonly old: JudgedSide;
  readonly new: JudgedSide;
  /** Content of the new version. */
  readonly hash: string;
  readonly judge: DeclaredJudge;
}

interface SideRow {
  readonly id: string;
  readonly number: number;
  readonly env: Record<string, string> | null;
  readonly mode: string | null;
  readonly service: string | null;
}

interface Row {
  readonly modelId: string;
  readonly model: string;
  readonly phase: Phase;
  readonly hash: string;
  readonly judge: unknown;
  readonly oldHash: string;
  readonly newModel: string;
  readonly old: SideRow;
  readonly fresh: SideRow;
}

const sideOf = (alias: "f" | "n") =>
  `json_build_object('id', ${alias}.id::text, 'number', ${alias}.number, 'env', ${alias}.serving->'env', 'mode', ${alias}.serving->>'mode', 'service', ${alias}.serving->>'service')`;

/** Rollouts under way that have a judge and a weight; those whose judge cannot be read are told to `onUnread`. */
export async function readJudgedRollouts(
  client: ClientBase,
  onUnread: (model: string, error: unknown) => void,
): Promise<JudgedRollout[]> {
  const { rows } = await client.query<Row>(
    `SELECT r.model_id::text AS "modelId", m.name AS model, r.phase, r.truss_hash AS hash, r.judge, f.truss_hash AS "oldHash", c.name AS "newModel",
            ${sideOf("f")} AS old, ${sideOf("n")} AS fresh
       FROM menagerie.rollout r
       JOIN menagerie.model m ON m.id = r.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
       JOIN menagerie.rollout_traffic t
         ON t.model_id = r.model_id AND t.from_version_id = r.from_version_id AND t.truss_hash = r.truss_hash
       JOIN menagerie.model_version f ON f.id = t.from_version_id
       JOIN menagerie.model_version n ON n.id = t.to_version_id
       JOIN menagerie.model c ON c.id = n.model_id
      WHERE r.judge IS NOT NULL AND r.phase IN ('copy', 'version', 'forward', 'bake')
      ORDER BY m.name`,
  );
  return rows.flatMap(({ judge, oldHash, newModel, old, fresh, ...row }): JudgedRollout[] => {
    const parsed = declaredJudgeSchema.safeParse(judge);
    if (!parsed.success) {
      onUnread(row.model, parsed.error);
      return [];
    }
    const side = (of: string, content: string, its: SideRow): JudgedSide => ({
      id: its.id,
      recordedAs: recordedAs(of, content, its.env ?? {}),
      service: its.service ?? versionedName(of, its.number),
      isUncounted: its.mode === "Knative",
    });
    const { model, hash } = row;
    return [{ ...row, judge: parsed.data, old: side(model, oldHash, old), new: side(newModel, hash, fresh) }];
  });
}

/** Changes of a rollout's weight, in their order. */
export async function readWeightSteps(
  client: ClientBase,
  { modelId, old, hash }: Pick<JudgedRollout, "modelId" | "old" | "hash">,
): Promise<WeightStep[]> {
  const { rows } = await client.query<Omit<WeightStep, "appliedAt"> & { appliedAt: number | null }>(
    `SELECT generation::float8 AS generation, weight, extract(epoch FROM at)::float8 AS at, extract(epoch FROM applied_at)::float8 AS "appliedAt",
            sticky IS NOT NULL AS "isSticky", coalesce(sticky LIKE 'header:%', false) AS "isHashed"
       FROM menagerie.rollout_traffic_step
      WHERE model_id = $1 AND from_version_id = $2 AND truss_hash = $3 ORDER BY generation`,
    [modelId, old.id, hash],
  );
  return rows.map(({ appliedAt, ...row }) => ({ ...row, appliedAt: appliedAt ?? undefined }));
}
