import type { ClientBase } from "pg";
import type { JudgeAction } from "../../../domain/judgement/declared.ts";
import type { TakeBackIntent } from "./takeBacks.ts";

/** A rollout that is judged bad, and what is to be done about it. */
export interface BadRollout extends Omit<TakeBackIntent, "action"> {
  /** Name of the zoo model. */
  readonly model: string;
  readonly action: JudgeAction;
}

/**
 * Rollouts under way whose last judgement said bad, and that are not taken back for it. A guard that was killed between a verdict and its
 * intent finds it here again. What was judged before the content was last resumed counts no more.
 */
export async function readBadRollouts(client: ClientBase): Promise<BadRollout[]> {
  const { rows } = await client.query<BadRollout>(
    `SELECT j.model_id AS "modelId", m.name AS model, j.from_version_id AS "from", j.to_version_id AS "to", j.truss_hash AS hash,
            v.id AS "verdictId", coalesce(j.settings->>'action', 'tell') AS action,
            coalesce(nullif((SELECT string_agg(because, '; ') FROM jsonb_array_elements_text(v.verdict->'because') because), ''), 'bad') AS reason
       FROM menagerie.verdict v
       JOIN menagerie.judgement j ON j.id = v.judgement_id
       JOIN menagerie.model m ON m.id = j.model_id
       JOIN menagerie.rollout r ON r.model_id = j.model_id AND r.from_version_id = j.from_version_id AND r.truss_hash = j.truss_hash
      WHERE v.decision = 'bad' AND r.phase IN ('version', 'forward', 'bake')
        AND NOT EXISTS (SELECT FROM menagerie.take_back t WHERE t.verdict_id = v.id)
        AND NOT EXISTS (SELECT FROM menagerie.taken_back t
                         WHERE t.model_id = j.model_id AND t.from_version_id = j.from_version_id AND t.truss_hash = j.truss_hash)
        AND NOT EXISTS (SELECT FROM menagerie.take_back t JOIN menagerie.rollout_resume u ON u.take_back_id = t.id
                         WHERE t.model_id = j.model_id AND t.truss_hash = j.truss_hash AND u.at > v.at)
        AND NOT EXISTS (SELECT FROM menagerie.judgement n
                         WHERE n.model_id = j.model_id AND n.from_version_id = j.from_version_id AND n.truss_hash = j.truss_hash
                           AND n.id > j.id)
      ORDER BY v.id`,
  );
  return rows;
}
