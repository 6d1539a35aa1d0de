import type { ClientBase, Pool } from "pg";
import type { ActivityRow } from "../../domain/console/activity.ts";
import { platformTarget } from "./zoo/migration/target.ts";

/** What of it to read. */
export interface ActivityQuestion {
  /** How many rows; those of the last one's moment come with it. */
  readonly limit: number;
  /** Only what is older than the row with this cursor. @default the latest */
  readonly before?: string | undefined;
  /** Of one zoo model alone, by its name. @default all */
  readonly model?: string | undefined;
}

/** Everything that changed, the newest first. */
export async function readActivity(
  client: Pick<ClientBase | Pool, "query">,
  { limit, before, model }: ActivityQuestion,
): Promise<ActivityRow[]> {
  const { rows } = await client.query<ActivityRow>(activityQuery, [
    before ?? null,
    limit,
    model ?? null,
    platformTarget.table,
  ]);
  return rows;
}

/** Each record gives its latest rows, by an index of its own, and the latest of all are answered. */
const newest = (at: string): string => `WHERE ($1::timestamptz IS NULL OR ${at} < $1)`;
// What happened in one transaction stays on one page.
const latest = "ORDER BY at DESC FETCH FIRST $2 ROWS WITH TIES";
const ofModel = (name: string): string => `AND ($3::text IS NULL OR ${name} = $3)`;

const activityQuery = `
SELECT kind, id, at, at::text AS cursor, model, who, details FROM (
  (SELECT 'audit' AS kind, a.id::text AS id, a.at, NULL::text AS model, a.who,
          jsonb_build_object('what', a.what, 'details', a.details) AS details
     FROM menagerie.audit a ${newest("a.at")} AND $3::text IS NULL
      -- What a record below tells, with how it ended.
      AND a.what NOT IN ('stack.up', 'rollout.take-back', 'rollout.resume') ${latest})
  UNION ALL
  (SELECT 'phase', s.id::text, s.at, m.name, NULL,
          jsonb_build_object('before', s.phase_before, 'phase', s.phase, 'evidence', s.evidence IS NOT NULL)
     FROM menagerie.rollout_step s JOIN menagerie.model m ON m.id = s.model_id ${newest("s.at")} ${ofModel("m.name")} ${latest})
  UNION ALL
  (SELECT 'traffic', s.id::text, s.at, m.name, s.changed_by,
          jsonb_build_object('weight', s.weight, 'control', s.control, 'verdict', s.verdict_id::text, 'before',
            (SELECT b.weight FROM menagerie.rollout_traffic_step b
              WHERE b.model_id = s.model_id AND b.generation = s.generation - 1 AND b.to_version_id = s.to_version_id))
     FROM menagerie.rollout_traffic_step s JOIN menagerie.model m ON m.id = s.model_id ${newest("s.at")} ${ofModel("m.name")} ${latest})
  UNION ALL
  (SELECT 'verdict', v.id::text, v.at, m.name, 'judge', jsonb_build_object('decision', v.decision, 'because', v.verdict->'because')
     FROM menagerie.verdict v JOIN menagerie.model m ON m.id = v.model_id
    ${newest("v.at")} AND v.decision <> 'undecided' ${ofModel("m.name")} ${latest})
  UNION ALL
  (SELECT 'takeBack', t.id::text, t.opened_at AS at, m.name, 'guard',
          jsonb_build_object('action', t.action, 'reason', t.reason, 'verdict', t.verdict_id::text)
     FROM menagerie.take_back t JOIN menagerie.model m ON m.id = t.model_id ${newest("t.opened_at")} ${ofModel("m.name")} ${latest})
  UNION ALL
  (SELECT 'takeBackStep', s.take_back_id || '/' || s.step, s.at, m.name, 'guard',
          jsonb_build_object('step', s.step, 'takeBack', s.take_back_id::text)
     FROM menagerie.take_back_step s JOIN menagerie.take_back t ON t.id = s.take_back_id JOIN menagerie.model m ON m.id = t.model_id
    ${newest("s.at")} ${ofModel("m.name")} ${latest})
  UNION ALL
  (SELECT 'resume', r.take_back_id::text, r.at, m.name, r.who, jsonb_build_object('reason', r.reason)
     FROM menagerie.rollout_resume r JOIN menagerie.take_back t ON t.id = r.take_back_id JOIN menagerie.model m ON m.id = t.model_id
    ${newest("r.at")} ${ofModel("m.name")} ${latest})
  UNION ALL
  (SELECT 'deployment', d.id::text, coalesce(o.clock_at, d.began_at) AS at, NULL, d.requested_by,
          jsonb_build_object('environment', d.environment, 'tag', r.tag, 'outcome', coalesce(o.outcome, 'open'),
            'reason', o.reason, 'from', d.promoted_from)
     FROM menagerie.deployment d JOIN menagerie.release r ON r.id = d.release_id
     LEFT JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
    ${newest("coalesce(o.clock_at, d.began_at)")} AND o.outcome IS DISTINCT FROM 'unchanged' AND $3::text IS NULL ${latest})
  UNION ALL
  (SELECT 'evidence', e.id::text, e.created_at AS at, e.model, NULL,
          jsonb_build_object('kind', e.kind, 'suite', e.suite, 'passed', e.passed)
     FROM menagerie.gate_evidence e ${newest("e.created_at")} ${ofModel("e.model")} ${latest})
  UNION ALL
  (SELECT 'push', d.id::text, coalesce(d.finished_at, d.created_at) AS at, NULL, NULL,
          jsonb_build_object('name', m.name, 'organization', o.name, 'status', d.status, 'reason', d.because)
     FROM menagerie.development_deployment d JOIN menagerie.model_version v ON v.id = d.model_version_id
     JOIN menagerie.model m ON m.id = v.model_id JOIN menagerie.organization o ON o.id = m.organization_id
    ${newest("coalesce(d.finished_at, d.created_at)")} AND d.status <> 'superseded' AND $3::text IS NULL ${latest})
  UNION ALL
  (SELECT 'migration', z.id::text, z.changed_at AS at, m.name, NULL,
          jsonb_build_object('id', z.id::text, 'direction', z.direction, 'share', z.share, 'paused', z.paused_at IS NOT NULL)
     FROM menagerie.zoo_migration z
     LEFT JOIN menagerie.model_version v ON v.id::text = z.to_id AND z.target = $4
     LEFT JOIN menagerie.model m ON m.id = v.model_id
    ${newest("z.changed_at")} AND z.name NOT LIKE 'try %' ${ofModel("m.name")} ${latest})
) AS activity ${latest}`;
