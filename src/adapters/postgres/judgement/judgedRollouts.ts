import type { ClientBase } from "pg";
import { type DeclaredJudge, declaredJudgeSchema } from "../../../domain/judgement/declared.ts";
import type { WeightStep } from "../../../domain/judgement/routedRows.ts";
import { recordedAs } from "../../../domain/recording/recordedAs.ts";
import type { Phase } from "../../../domain/zoo/phases.ts";

/** One of a rollout's two versions. */
export interface JudgedSide {
  /** Id in `model_version`. */
  readonly id: string;
  /** What its recorded answers carry. */
  readonly recordedAs: string;
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

interface Row {
  readonly modelId: string;
  readonly model: string;
  readonly phase: Phase;
  readonly hash: string;
  readonly judge: unknown;
  readonly oldId: string;
  readonly oldHash: string;
  readonly oldEnv: Record<string, string> | null;
  readonly oldMode: string | null;
  readonly newId: string;
  readonly newModel: string;
  readonly newEnv: Record<string, string> | null;
  readonly newMode: string | null;
}

/** Rollouts under way that have a judge and a weight; those whose judge cannot be read are told to `onUnread`. */
export async function readJudgedRollouts(
  client: ClientBase,
  onUnread: (model: string, error: unknown) => void,
): Promise<JudgedRollout[]> {
  const { rows } = await client.query<Row>(
    `SELECT r.model_id::text AS "modelId", m.name AS model, r.phase, r.truss_hash AS hash, r.judge,
            f.id::text AS "oldId", f.truss_hash AS "oldHash", f.serving->'env' AS "oldEnv", f.serving->>'mode' AS "oldMode",
            n.id::text AS "newId", c.name AS "newModel", n.serving->'env' AS "newEnv", n.serving->>'mode' AS "newMode"
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
  return rows.flatMap(({ modelId, model, phase, hash, judge, ...row }): JudgedRollout[] => {
    const parsed = declaredJudgeSchema.safeParse(judge);
    if (!parsed.success) {
      onUnread(model, parsed.error);
      return [];
    }
    const side = (of: string, id: string, content: string, env: Row["oldEnv"], mode: string | null): JudgedSide => ({
      id,
      recordedAs: recordedAs(of, content, env ?? {}),
      isUncounted: mode === "Knative",
    });
    return [
      {
        modelId,
        model,
        phase,
        hash,
        judge: parsed.data,
        old: side(model, row.oldId, row.oldHash, row.oldEnv, row.oldMode),
        new: side(row.newModel, row.newId, hash, row.newEnv, row.newMode),
      },
    ];
  });
}

/** Changes of a rollout's weight, in their order. */
export async function readWeightSteps(
  client: ClientBase,
  { modelId, old, hash }: Pick<JudgedRollout, "modelId" | "old" | "hash">,
): Promise<WeightStep[]> {
  const { rows } = await client.query<{ weight: number; at: number; appliedAt: number | null; isSticky: boolean }>(
    `SELECT weight, extract(epoch FROM at)::float8 AS at, extract(epoch FROM applied_at)::float8 AS "appliedAt",
            sticky IS NOT NULL AS "isSticky"
       FROM menagerie.rollout_traffic_step
      WHERE model_id = $1 AND from_version_id = $2 AND truss_hash = $3 ORDER BY generation`,
    [modelId, old.id, hash],
  );
  return rows.map(({ appliedAt, ...row }) => ({ ...row, appliedAt: appliedAt ?? undefined }));
}
