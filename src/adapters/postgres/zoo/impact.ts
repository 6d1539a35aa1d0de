import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { DeclaredJudge } from "../../../domain/judgement/declared.ts";
import { recordedAs } from "../../../domain/recording/recordedAs.ts";
import { recordingSchema } from "../../../domain/recording/settings.ts";
import { Comparison } from "../../../domain/shadow/comparison.ts";
import { type PathTraffic, summarize } from "../../../domain/traffic/traffic.ts";
import {
  comparedOf,
  type ImpactedApp,
  type ImpactRequests,
  type ImpactWindow,
  type VersionImpact,
} from "../../../domain/zoo/impact.ts";
import { readPairs } from "../judgement/readPairs.ts";
import { sqlState } from "../server.ts";
import { readTraffic } from "../traffic/readTraffic.ts";
import { platformTarget } from "./migration/target.ts";
import { readTrafficSteps } from "./traffic.ts";

/** A version whose impact is asked for. */
export interface ImpactedVersion {
  readonly model: string;
  readonly versionId: string;
  readonly number: number;
  readonly hash: string;
  readonly env: Readonly<Record<string, string>>;
  readonly window: ImpactWindow;
  /** The version whose answers to the same requests are compared; undefined where none is known. */
  readonly other:
    | { readonly id: string; readonly hash: string; readonly env: Readonly<Record<string, string>> }
    | undefined;
  /** What counts as a difference. @default everything */
  readonly compare?: DeclaredJudge["compare"];
}

interface VersionRow {
  readonly id: string;
  readonly number: number;
  readonly hash: string;
  readonly env: Record<string, string> | null;
}

interface ImpactedRow extends VersionRow {
  readonly model: string;
  readonly since: Date;
  readonly until: Date | null;
  readonly other: Omit<VersionRow, "number"> | null;
  readonly judge: DeclaredJudge | null;
}

const versionColumns = `v.id::text AS id, v.number, v.truss_hash AS hash, v.serving->'env' AS env`;

/**
 * The new version of the rollout that a zoo model is in, or was in last: from its phase `version` on until it was done, where it still answers
 * until now. Undefined where no rollout was recorded, or its version was never served.
 */
export async function impactedByRollout(client: ClientBase, model: string): Promise<ImpactedVersion | undefined> {
  const { rows } = await client.query<
    VersionRow & {
      since: Date;
      until: Date | null;
      otherId: string;
      otherHash: string;
      otherEnv: VersionRow["env"];
      judge: DeclaredJudge | null;
    }
  >(
    `SELECT ${versionColumns}, w.since, w.until, r.judge, f.id::text AS "otherId", f.truss_hash AS "otherHash", f.serving->'env' AS "otherEnv"
       FROM menagerie.rollout r
       JOIN menagerie.model m ON m.id = r.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
       JOIN menagerie.model_version v
         ON v.model_id = m.id AND v.truss_hash = r.truss_hash AND v.proxy_model_version_id IS NULL AND NOT v.is_development
       JOIN LATERAL (
         SELECT s.from_version_id, min(s.at) FILTER (WHERE s.phase = 'version') AS since, max(s.at) FILTER (WHERE s.phase = 'done') AS until
           FROM menagerie.rollout_step s
          WHERE s.model_id = r.model_id AND s.truss_hash = r.truss_hash AND s.from_version_id IS NOT NULL
          GROUP BY s.from_version_id ORDER BY max(s.id) DESC LIMIT 1) w ON w.since IS NOT NULL
       JOIN menagerie.model_version f ON f.id = w.from_version_id
      WHERE m.name = $1`,
    [model],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { otherId, otherHash, otherEnv, ...own } = row;
  return impactedVersion({ ...own, model, other: { id: otherId, hash: otherHash, env: otherEnv } });
}

/** Every version of a zoo model that a release had, each time that it was current in an environment; none where the release never was. */
export async function impactedByRelease(
  client: ClientBase,
  environment: string,
  tag: string,
): Promise<readonly ImpactedVersion[]> {
  const { rows } = await client.query<ImpactedRow>(
    `SELECT m.name AS model, ${versionColumns}, d.since, d.until, r.judge,
            CASE WHEN f.id IS NULL OR f.id = v.id THEN NULL
                 ELSE json_build_object('id', f.id::text, 'number', f.number, 'hash', f.truss_hash, 'env', f.serving->'env') END AS other
       FROM menagerie.deployment_range d
       CROSS JOIN LATERAL jsonb_to_recordset(d.models::jsonb) AS x (name text, hash text)
       JOIN menagerie.model m ON m.name = x.name
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
       JOIN menagerie.model_version v
         ON v.model_id = m.id AND v.truss_hash = x.hash AND v.proxy_model_version_id IS NULL AND NOT v.is_development
       LEFT JOIN menagerie.rollout r ON r.model_id = m.id AND r.truss_hash = v.truss_hash
       LEFT JOIN menagerie.model_version f ON f.id = r.from_version_id
      WHERE d.environment = $1 AND d.tag = $2 ORDER BY m.name, d.since`,
    [environment, tag],
  );
  return rows.map(impactedVersion);
}

function impactedVersion({ model, id, number, hash, env, since, until, other, judge }: ImpactedRow): ImpactedVersion {
  return {
    model,
    versionId: id,
    number,
    hash,
    env: env ?? {},
    window: { since, until },
    other: other ? { id: other.id, hash: other.hash, env: other.env ?? {} } : undefined,
    compare: judge?.compare,
  };
}

/** What a version did in its window: requests, apps, its shares of the route, and how its answers compare. */
export async function readImpact(client: ClientBase, version: ImpactedVersion, now: Date): Promise<VersionImpact> {
  const { model, versionId, number, hash, window } = version;
  const until = window.until ?? now;
  const traffic = await readTraffic(client, { version: versionId, from: window.since, to: until });
  const steps = await readTrafficSteps(client, model, 10_000);
  const weights = steps
    .filter((step) => step.to === versionId && step.at < until)
    .map(({ at, appliedAt, weight, control, by }) => ({ at, appliedAt: appliedAt ?? null, weight, control, by }));
  return {
    model,
    versionId,
    number,
    hash,
    window,
    requests: { route: requestsOf(traffic.route), app: requestsOf(traffic.app) },
    apps: await readApps(client, versionId, window.since, until),
    weights: weights.reverse(),
    ...(await comparison(client, version, until)),
  };
}

function requestsOf(traffic: PathTraffic): ImpactRequests {
  const { requests, errors, knownSeconds, windowSeconds } = summarize(traffic);
  const { counts } = traffic;
  const at = (seconds: number): Date => new Date(seconds * 1000);
  const asked = counts.filter(({ count }) => count > 0);
  return {
    requests,
    errors,
    knownSeconds,
    windowSeconds,
    first: asked.length === 0 ? null : at(Math.min(...asked.map(({ since }) => since))),
    last: asked.length === 0 ? null : at(Math.max(...asked.map(({ since, seconds }) => since + seconds))),
  };
}

async function readApps(client: ClientBase, versionId: string, since: Date, until: Date): Promise<ImpactedApp[]> {
  const sql = await readFile(join(import.meta.dirname, "impact.sql"), "utf8");
  const { rows } = await client.query<ImpactedApp>(sql, [versionId, since, until, platformTarget.table]);
  return rows;
}

/** A month of a busy model is many pairs: so many seconds of them are held at a time. */
const comparedAtOnce = 3_600;

async function comparison(
  client: ClientBase,
  { model, versionId, hash, env, other, window, compare }: ImpactedVersion,
  until: Date,
): Promise<Pick<VersionImpact, "compared" | "notCompared">> {
  if (!other) return { compared: null, notCompared: "no other version is known that answered the same requests" };
  const side = (id: string, content: string, variables: Readonly<Record<string, string>>) => ({
    id,
    recordedAs: recordedAs(model, content, variables),
    isUncounted: false,
  });
  const sides = { old: side(other.id, other.hash, other.env), new: side(versionId, hash, env) };
  const comparison = new Comparison(compare ?? {});
  const [since, end] = [window.since, until].map((at) => Math.floor(at.getTime() / 1000)) as [number, number];
  let pairs = 0;
  try {
    for (let from = since; from < end; from += comparedAtOnce) {
      const span = { since: from, until: Math.min(from + comparedAtOnce, end) };
      for (const pair of await readPairs(client, recordingSchema(model), sides, span)) {
        pairs += 1;
        const open = comparison.add(pair);
        if (open) comparison.settle(open);
      }
    }
  } catch (error) {
    // No such schema, no such table.
    if (sqlState(error) !== "3F000" && sqlState(error) !== "42P01") throw error;
    return { compared: null, notCompared: `menagerie:zoo.${model}.recording is not declared` };
  }
  if (pairs === 0) return { compared: null, notCompared: "no request was answered and recorded by both versions" };
  const counts = { primary: pairs, shadow: pairs, paired: pairs, pending: 0, unpaired: 0, lostByRecorders: 0 };
  return { compared: comparedOf(comparison.result(counts, 100)), notCompared: null };
}
