import type { ClientBase } from "pg";
import type { DeclaredJudge } from "../../../domain/judgement/declared.ts";
import { refused } from "../../../domain/refusals/refusal.ts";
import { type Phase, phaseRefusal, type RolloutRequest } from "../../../domain/zoo/phases.ts";
import { factsOf, type ZooRegistry } from "../../../domain/zoo/registry.ts";
import { type TargetCounts, withTargetApps } from "../../../domain/zoo/targetApps.ts";
import { lockedModel } from "../modelVersions.ts";
import type { TargetApps } from "../takeBack/takeBacks.ts";
import { inTransaction } from "../transaction.ts";
import { readZooRegistry } from "./registry.ts";

/** A phase to record. */
export interface RolloutRecord extends RolloutRequest {
  readonly organization: string;
  /** How long a bake takes. */
  readonly bakeSeconds: number;
  /**
   * Apps of the model in an existing database.
   * @default none
   */
  readonly targetApps?: readonly TargetCounts[];
  /**
   * Ids of apps of the platform that stay on the old version by choice.
   * @default none
   */
  readonly leave?: readonly string[] | undefined;
  /**
   * What the rollout is judged by.
   * @default nobody judges
   */
  readonly judge?: DeclaredJudge | undefined;
  /**
   * Pods that the version which it leaves keeps until it is done.
   * @default its usual ones
   */
  readonly keptPods?: number | undefined;
  /**
   * Where a guard finds apps of the rollout in an existing database.
   * @default nowhere
   */
  readonly guardedApps?: TargetApps | undefined;
}

/**
 * Records a phase, in one transaction: judged again by what the database holds now, written, and noted in the history.
 * Answers since when the model is in this phase. Recording the same again changes nothing.
 * @throws OperatorError with the judgement's sentence (exit code 3 where a gate is not met).
 */
export function recordPhase(client: ClientBase, record: RolloutRecord): Promise<Date> {
  return inTransaction(client, async () => {
    const modelId = await lockedModel(client, record);
    // Also kept from a guard that takes the rollout back, or changes its weight, until this is recorded.
    await client.query("SELECT FROM menagerie.rollout WHERE model_id = $1 FOR UPDATE", [modelId]);
    const registry = withTargetApps(
      await readZooRegistry(client, [record.model], record.leave),
      record.targetApps ?? [],
    );
    const facts = factsOf(registry, record.model, record.hash);
    const refusal = phaseRefusal(record, facts);
    if (refusal) throw refused(refusal, undefined, 3);
    const { recorded } = facts;
    // A rollout that was reverted keeps its content: that is what its new version still runs.
    const hash = record.phase === "reverted" && recorded ? recorded.hash : record.hash;
    const bake = record.phase === "bake";
    const { rows } = await client.query<{ since: Date }>(
      `INSERT INTO menagerie.rollout AS r (model_id, phase, from_version_id, truss_hash, bake_started_at, bake_seconds, judge, target_apps, kept_pods)
       VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END, CASE WHEN $5 THEN $6::integer END, $7, $8, $9)
       ON CONFLICT (model_id) DO UPDATE SET
         since = CASE WHEN (r.phase, r.from_version_id, r.truss_hash) IS NOT DISTINCT FROM
                           (excluded.phase, excluded.from_version_id, excluded.truss_hash) THEN r.since ELSE now() END,
         bake_started_at = CASE WHEN $5 THEN coalesce(r.bake_started_at, now()) END,
         bake_seconds = CASE WHEN $5 THEN $6::integer END,
         phase = excluded.phase, from_version_id = excluded.from_version_id, truss_hash = excluded.truss_hash,
         judge = excluded.judge, target_apps = excluded.target_apps, kept_pods = excluded.kept_pods
       RETURNING since`,
      [
        modelId,
        record.phase,
        record.from ?? null,
        hash,
        bake,
        record.bakeSeconds,
        record.judge && JSON.stringify(record.judge),
        record.guardedApps && JSON.stringify(record.guardedApps),
        record.keptPods ?? null,
      ],
    );
    const same = recorded?.phase === record.phase && recorded.from === record.from && recorded.hash === hash;
    if (!same) await note(client, modelId, { ...record, hash }, recorded?.phase, evidenceFor(record, registry));
    const since = rows[0]?.since;
    if (!since) throw new Error(`the phase of ${record.model} was not recorded`);
    return since;
  });
}

/** Records that a model is no longer declared. Of a model that was never recorded: nothing. */
export function recordRemoval(client: ClientBase, model: string): Promise<void> {
  return inTransaction(client, async () => {
    const { rows } = await client.query<{ model_id: string; phase: Phase; hash: string }>(
      `SELECT r.model_id, r.phase, r.truss_hash AS hash
         FROM menagerie.rollout r JOIN menagerie.model m ON m.id = r.model_id
         JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
        WHERE m.name = $1 AND r.phase <> 'off' FOR UPDATE OF r`,
      [model],
    );
    const row = rows[0];
    if (!row) return;
    await client.query(
      `UPDATE menagerie.rollout SET phase = 'off', from_version_id = NULL, since = now(), bake_started_at = NULL,
              bake_seconds = NULL, judge = NULL, target_apps = NULL, kept_pods = NULL WHERE model_id = $1`,
      [row.model_id],
    );
    await note(client, row.model_id, { phase: "off", from: undefined, hash: row.hash }, row.phase);
  });
}

async function note(
  client: ClientBase,
  modelId: string,
  { phase, from, hash }: Pick<RolloutRequest, "phase" | "from" | "hash">,
  phaseBefore: Phase | undefined,
  evidence?: readonly object[],
): Promise<void> {
  await client.query(
    `INSERT INTO menagerie.rollout_step (model_id, phase_before, phase, from_version_id, truss_hash, evidence)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [modelId, phaseBefore ?? null, phase, from ?? null, hash, evidence ? JSON.stringify(evidence) : null],
  );
}

/** What opened the gates of a forward: which evidence it was, and its hash. */
function evidenceFor({ model, phase, hash, gates }: RolloutRecord, registry: ZooRegistry): object[] | undefined {
  if (phase !== "forward") return undefined;
  return registry.evidence
    .filter((each) => each.model === model && each.hash === hash)
    .filter(({ kind, suite }) => gates.some((gate) => gate.kind === kind && gate.suite === suite))
    .map(({ kind, suite, id, evidenceHash }) => ({ kind, suite, id, evidenceHash }));
}
