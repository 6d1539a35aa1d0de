import type { ClientBase } from "pg";
import type { DeclaredJudge } from "../../../domain/judgement/declared.ts";
import type { EvidenceLook } from "../../../domain/judgement/evidenceLooks.ts";
import type { RolloutVerdict, VerdictStep } from "../../../domain/judgement/rolloutVerdict.ts";
import type { Judgement } from "../../../domain/judgement/state.ts";
import { failAlike, verdictOf } from "../../../domain/judgement/verdict.ts";

interface Row {
  readonly model: string;
  readonly id: string;
  readonly begunAt: Date;
  readonly settings: DeclaredJudge;
  readonly state: Judgement;
  readonly isOpen: boolean;
}

const stepsAtMost = 20;

/** What a judgement knew over time, in order of time. */
export async function readLooks(client: Pick<ClientBase, "query">, judgementId: string): Promise<EvidenceLook[]> {
  const { rows } = await client.query<EvidenceLook>(
    `SELECT extract(epoch FROM at)::float8 * 1000 AS at, metrics AS shares FROM menagerie.judgement_look
      WHERE judgement_id = $1 ORDER BY judgement_look.at`,
    [judgementId],
  );
  return rows;
}

/** What judges say of rollouts, by the model's name. A rollout that nobody judges is not in it. */
export async function readVerdicts(
  client: ClientBase,
  models: readonly string[] | "every",
): Promise<Map<string, RolloutVerdict>> {
  const { rows } = await client.query<Row>(
    `SELECT DISTINCT ON (m.name) m.name AS model, j.id::text AS id, j.begun_at AS "begunAt", j.settings, j.state,
            j.ended_at IS NULL AS "isOpen"
       FROM menagerie.rollout r
       JOIN menagerie.model m ON m.id = r.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
       JOIN menagerie.judgement j
         ON j.model_id = r.model_id AND j.from_version_id = r.from_version_id AND j.truss_hash = r.truss_hash
      WHERE $1::text[] IS NULL OR m.name = ANY ($1) ORDER BY m.name, j.id DESC`,
    [models === "every" ? null : models],
  );
  const steps = await client.query<VerdictStep & { judgementId: string }>(
    `SELECT v.* FROM unnest($1::bigint[]) AS j (id), LATERAL (
       SELECT judgement_id::text AS "judgementId", v.id::text AS id, decision, verdict->'because' AS because, at
         FROM menagerie.verdict v WHERE v.judgement_id = j.id ORDER BY v.id DESC LIMIT $2) v`,
    [rows.map(({ id }) => id), stepsAtMost],
  );
  const byJudgement = Map.groupBy(steps.rows, ({ judgementId }) => judgementId);
  return new Map(
    rows.map(({ model, id, begunAt, settings, state, isOpen }) => {
      const history = (byJudgement.get(id) ?? []).map(({ judgementId: _, ...step }) => step).reverse();
      const found: RolloutVerdict = {
        model,
        judgementId: id,
        begunAt,
        risk: state.risk,
        action: settings.action,
        verdict: verdictOf(state, settings),
        bothFail: isOpen && !state.decided && failAlike(state, settings),
        since: history.at(-1)?.at ?? null,
        afterDecision: state.decided ? state.afterDecision : null,
        history,
      };
      return [model, found];
    }),
  );
}
