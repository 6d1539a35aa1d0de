import type { ClientBase } from "pg";
import { endJudgement } from "../judgement/judgements.ts";
import { sqlState } from "../server.ts";
import { inTransaction } from "../transaction.ts";
import { refuse } from "../zoo/refusals.ts";
import { takeBackStates } from "./takeBacks.ts";

/** An operator's word that a take-back was a false alarm. */
export interface Resume {
  /** Name of the zoo model. */
  readonly model: string;
  /** Who says so, by their own word. */
  readonly who: string;
  readonly because: string;
}

/**
 * Lets the content that the model's rollout is about go on: the next `up` sets its traffic and moves its apps again, and a new judgement
 * begins. A trigger adds it to the audit. Answers the take-back's id.
 * @throws OperatorError where nothing of the rollout is taken back, and while a take-back is under way.
 */
export function resumeRollout(client: ClientBase, { model, who, because }: Resume): Promise<string> {
  return inTransaction(client, async () => {
    const { rows } = await client.query<{ id: string; modelId: string }>(
      `SELECT t.id, t.model_id AS "modelId" FROM menagerie.taken_back t
         JOIN menagerie.model m ON m.id = t.model_id JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
         LEFT JOIN menagerie.rollout r ON r.model_id = t.model_id
        WHERE m.name = $1
        ORDER BY (r.from_version_id, r.truss_hash) IS NOT DISTINCT FROM (t.from_version_id, t.truss_hash) DESC, t.id DESC LIMIT 1`,
      [model],
    );
    const [found] = rows;
    if (!found) throw refuse("resume.not-taken-back", { model });
    try {
      await client.query("INSERT INTO menagerie.rollout_resume (take_back_id, who, reason) VALUES ($1, $2, $3)", [
        found.id,
        who,
        because,
      ]);
    } catch (error) {
      if (sqlState(error) === takeBackStates.notOpen) throw refuse("resume.under-way", { model }, error);
      throw error;
    }
    await endJudgement(client, found.modelId);
    return found.id;
  });
}
