import type { ClientBase } from "pg";
import type { RecordedRelease, RecordedReleases } from "../../domain/release/plan.ts";
import type {
  ChangingRange,
  DeploymentAttempt,
  DeploymentRange,
  RecordedTakeBack,
  RestorableDeployment,
} from "../../domain/release/record.ts";
import { refuse } from "./refusals.ts";

/** Columns of `deployment_range` as {@link DeploymentRange} has them; the config is read apart, for it is long. */
const rangeColumns = `id, environment, tag, scheme, code_version AS code, outcome, models, since, until,
  state_schema AS "stateSchema", config_digest AS "configDigest", code_commit AS commit, promoted_from AS "promotedFrom",
  requested_by AS "requestedBy", run, settled_by AS "settledBy", reason`;

const recordedColumns = `tag, base, number, candidate, code_version AS code, models`;

/** What the record knows that a tag is chosen by; `base` undefined for tags that count. */
export async function readRecordedReleases(
  client: ClientBase,
  environment: string,
  wanted: { readonly combinationDigest: string; readonly base: string | undefined },
): Promise<RecordedReleases> {
  const same = await client.query<RecordedRelease>(
    `SELECT ${recordedColumns} FROM menagerie.release WHERE environment = $1 AND combination_digest = $2 ORDER BY id DESC`,
    [environment, wanted.combinationDigest],
  );
  const near =
    wanted.base === undefined
      ? await client.query<RecordedRelease>(
          `SELECT ${recordedColumns} FROM menagerie.release
            WHERE environment = $1
              AND number = (SELECT max(number) FROM menagerie.release WHERE environment = $1 AND number IS NOT NULL)
            ORDER BY id DESC`,
          [environment],
        )
      : await client.query<RecordedRelease>(
          `SELECT ${recordedColumns} FROM menagerie.release WHERE environment = $1 AND base = $2 ORDER BY id DESC`,
          [environment, wanted.base],
        );
  return { same: same.rows, near: near.rows };
}

/**
 * Whether the environment's last attempt came to its own end: what it intended is served, and the `up` itself saw that. Not so
 * after an `up` that failed or was killed, whoever settled it since. True where nothing was attempted.
 */
export async function isLastAttemptComplete(client: ClientBase, environment: string): Promise<boolean> {
  const { rows } = await client.query<{ complete: boolean }>(
    `SELECT o.outcome IS NOT DISTINCT FROM 'deployed' AND o.settled_by = 'up' AS complete
       FROM menagerie.deployment d LEFT JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
      WHERE d.environment = $1 ORDER BY d.id DESC LIMIT 1`,
    [environment],
  );
  return rows[0]?.complete ?? true;
}

/** The environments that the record tells of, in the order of their names. */
export async function recordedEnvironments(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ environment: string }>(
    "SELECT DISTINCT environment FROM menagerie.release ORDER BY environment",
  );
  return rows.map(({ environment }) => environment);
}

/** The deployments that were current, of one environment or all; the latest first. */
export async function listDeployments(
  client: ClientBase,
  options: { readonly environment?: string | undefined; readonly limit?: number | undefined } = {},
): Promise<DeploymentRange[]> {
  const { rows } = await client.query<DeploymentRange>(
    `SELECT ${rangeColumns} FROM menagerie.deployment_range
      WHERE $1::text IS NULL OR environment = $1 ORDER BY deployment_range.id DESC LIMIT $2`,
    [options.environment ?? null, options.limit ?? null],
  );
  return rows;
}

/**
 * The latest deployments that were current, each without the models that all of its environment's here have alike: changes between them are as by
 * {@link listDeployments}, and of a thousand models that stay as they are none is read. The only one of its environment has all of its models.
 */
export async function listChangingDeployments(client: ClientBase, limit: number): Promise<ChangingRange[]> {
  const { rows } = await client.query<ChangingRange>(
    `WITH shown AS MATERIALIZED (
       SELECT ${rangeColumns}, count(*) OVER (PARTITION BY environment) AS ranges
         FROM (SELECT * FROM menagerie.deployment_range ORDER BY id DESC LIMIT $1) r
     ), model AS MATERIALIZED (
       SELECT s.id, s.environment, s.ranges, m.model, m.place, m.model->>'name' AS name
         FROM shown s, jsonb_array_elements(s.models) WITH ORDINALITY AS m (model, place) WHERE s.ranges > 1
     ), changing AS MATERIALIZED (
       SELECT DISTINCT environment, name FROM model
        GROUP BY environment, name, ranges, model->'version', model->'hash', model->'source' HAVING count(*) < ranges
     ), own AS (
       SELECT id, jsonb_agg(model ORDER BY place) AS changing FROM model JOIN changing USING (environment, name) GROUP BY id
     )
     SELECT id, environment, tag, scheme, code, outcome, since, until, "stateSchema", "configDigest", commit, "promotedFrom", "requestedBy",
            run, "settledBy", reason,
            CASE WHEN ranges = 1 THEN models ELSE coalesce(own.changing, '[]') END AS models,
            CASE WHEN ranges = 1 THEN 0 ELSE jsonb_array_length(models) - coalesce(jsonb_array_length(own.changing), 0) END AS alike
       FROM shown LEFT JOIN own USING (id) ORDER BY id DESC`,
    [limit],
  );
  return rows;
}

/**
 * Every attempt to deploy, in the order of attempts, the latest first: also those that failed and changed nothing, which no time
 * belongs to, and the one that is under way.
 */
export async function listAttempts(
  client: ClientBase,
  options: { readonly environment?: string | undefined; readonly limit?: number | undefined } = {},
): Promise<DeploymentAttempt[]> {
  const { rows } = await client.query<DeploymentAttempt>(
    `SELECT d.id, d.environment, r.tag, d.models AS intended, d.began_at AS "beganAt", o.clock_at AS "endedAt",
            coalesce(o.outcome, 'open') AS outcome, o.settled_by AS "settledBy", o.reason,
            d.requested_by AS "requestedBy", d.run, d.code_commit AS commit
       FROM menagerie.deployment d JOIN menagerie.release r ON r.id = d.release_id
       LEFT JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
      WHERE $1::text IS NULL OR d.environment = $1 ORDER BY d.id DESC LIMIT $2`,
    [options.environment ?? null, options.limit ?? null],
  );
  return rows;
}

/** The rollouts that the guard took back, or holds, the latest first. */
export async function listTakeBacks(client: ClientBase): Promise<RecordedTakeBack[]> {
  const { rows } = await client.query<RecordedTakeBack>(
    `SELECT id, model, from_version AS "fromVersion", to_version AS "toVersion", truss_hash AS hash, action, opened_at AS at,
            done_at AS "doneAt", settled_by AS "settledBy", cause, reason,
            CASE WHEN resumed_at IS NOT NULL
                 THEN json_build_object('by', resumed_by, 'because', resumed_because, 'at', resumed_at) END AS resumed
       FROM menagerie.release_take_back ORDER BY id DESC`,
  );
  return rows;
}

/** What was current in an environment at a time; undefined before its first deployment. Default: now. */
export async function deploymentAsOf(
  client: ClientBase,
  environment: string,
  time?: Date,
): Promise<DeploymentRange | undefined> {
  const { rows } = await client.query<DeploymentRange>(
    `SELECT ${rangeColumns} FROM menagerie.deployment_range
      WHERE id = (SELECT deployment_id FROM menagerie.deployment_outcome
                   WHERE environment = $1 AND outcome <> 'unchanged' AND at <= coalesce($2, 'infinity'::timestamptz)
                   ORDER BY at DESC, deployment_id DESC LIMIT 1)`,
    [environment, time ?? null],
  );
  return rows[0];
}

/**
 * The latest complete deployment of the release `tag`.
 * @throws OperatorError when the environment never deployed it completely; the sentence names what there is.
 */
export async function deploymentOfTag(
  client: ClientBase,
  environment: string,
  tag: string,
): Promise<RestorableDeployment> {
  const { rows } = await client.query<RestorableDeployment>(
    `SELECT ${rangeColumns}, config FROM menagerie.deployment_range
      WHERE id = (SELECT max(d.id) FROM menagerie.release r JOIN menagerie.deployment d ON d.release_id = r.id
                    JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id AND o.outcome = 'deployed'
                   WHERE r.environment = $1 AND r.tag = $2)`,
    [environment, tag],
  );
  const [found] = rows;
  if (found) return found;
  const known = await client.query<{ tag: string; complete: boolean }>(
    `SELECT tag, bool_or(outcome = 'deployed') AS complete FROM menagerie.deployment_range
      WHERE environment = $1 GROUP BY tag ORDER BY max(id) DESC LIMIT 8`,
    [environment],
  );
  if (known.rows.some((row) => row.tag === tag)) {
    throw refuse("release.never-complete", { tag, environment });
  }
  const tags = known.rows.filter(({ complete }) => complete).map((row) => row.tag);
  const choice = tags.length > 0 ? `the latest are ${tags.join(", ")}` : "it has no complete deployment yet";
  throw refuse("release.never-deployed", { tag, environment, choice });
}

/** The deployment with this number, whatever came of it; undefined where the environment has none. */
export async function recordedDeployment(
  client: ClientBase,
  environment: string,
  id: string,
): Promise<RestorableDeployment | undefined> {
  const { rows } = await client.query<RestorableDeployment>(
    `SELECT ${rangeColumns}, config FROM menagerie.deployment_range WHERE environment = $1 AND id = $2`,
    [environment, id],
  );
  return rows[0];
}

/**
 * The deployment with this number.
 * @throws OperatorError when the environment has none, or it did not come to what was intended, unless that is `allowed`.
 */
export async function deploymentOfId(
  client: ClientBase,
  environment: string,
  id: string,
  allowed: "complete" | "mixed too" = "complete",
): Promise<RestorableDeployment> {
  const found = await recordedDeployment(client, environment, id);
  if (!found) throw refuse("deployment.not-found", { id, environment });
  if (found.outcome === "deployed" || allowed === "mixed too") return found;
  throw refuse("deployment.not-complete", { id, tag: found.tag, reason: found.reason ?? "unknown" });
}
