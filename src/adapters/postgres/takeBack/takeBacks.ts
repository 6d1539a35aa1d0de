import type { ClientBase } from "pg";
import type { JudgeAction } from "../../../domain/judgement/declared.ts";
import type { ResumedContent, TakeBackStep, TakenBack } from "../../../domain/zoo/takeBack.ts";
import { sqlState } from "../server.ts";
import { inTransaction } from "../transaction.ts";

/** What is to be taken back, as it was judged. */
export interface TakeBackIntent {
  readonly modelId: string;
  /** Ids of the versions. */
  readonly from: string;
  readonly to: string;
  readonly hash: string;
  readonly verdictId: string;
  readonly action: Exclude<JudgeAction, "tell">;
  readonly reason: string;
}

/** A take-back that is under way. */
export interface OpenTakeBack extends TakeBackIntent {
  readonly id: string;
  /** Name of the zoo model. */
  readonly model: string;
  readonly steps: readonly TakeBackStep[];
  readonly openedAt: Date;
  /** Where the rollout's apps of an existing database are; undefined where it moves none, or the guard has no login there. */
  readonly targetApps: TargetApps | undefined;
}

/** Apps of a rollout in an existing database. */
export interface TargetApps {
  /** As its journal names it, quoted: `"public"."oracles_oracleversion"`. */
  readonly table: string;
  /** Ids of the versions there. */
  readonly from: string;
  readonly to: string;
}

/**
 * SQLSTATEs of the triggers and functions: a content that is taken back; traffic that a guard changed since it was read; what was judged is not what
 * is rolled out by now; and a take-back that is over, or whose steps are out of order.
 */
export const takeBackStates = { takenBack: "MG021", changed: "MG022", movedOn: "MG023", notOpen: "MG024" } as const;

/** Every content that is taken back and not resumed; none in a database of before there was a guard. */
export async function readTakenBack(client: ClientBase): Promise<TakenBack[]> {
  const known = await client.query("SELECT FROM pg_class WHERE oid = to_regclass('menagerie.taken_back')");
  if (known.rowCount === 0) return [];
  const { rows } = await client.query<TakenBack>(
    `SELECT t.id, m.name AS model, t.from_version_id AS "from", t.truss_hash AS hash, t.action, t.reason, t.verdict_id AS cause,
            coalesce((SELECT s.weight FROM menagerie.rollout_traffic_step s
                       WHERE s.model_id = t.model_id AND s.generation = t.generation), 0) AS weight, t.opened_at AS at, t.done_at AS "doneAt", t.cannot->>'why' AS obstacle
       FROM menagerie.taken_back t JOIN menagerie.model m ON m.id = t.model_id ORDER BY t.id DESC`,
  );
  return rows;
}

/** Every take-back that was resumed, the last one first; none in a database of before there was a guard. */
export async function readResumed(client: ClientBase): Promise<ResumedContent[]> {
  const known = await client.query("SELECT FROM pg_class WHERE oid = to_regclass('menagerie.resumed_take_back')");
  if (known.rowCount === 0) return [];
  const { rows } = await client.query<ResumedContent>(
    `SELECT t.id, m.name AS model, t.from_version_id AS "from", t.truss_hash AS hash, t.at
       FROM menagerie.resumed_take_back t JOIN menagerie.model m ON m.id = t.model_id ORDER BY t.id DESC`,
  );
  return rows;
}

/**
 * Writes the intent, before anything changes, at the generation that the rollout's traffic has then. A content that is taken back already
 * keeps its take-back, and a verdict that led to one leads to no other. Undefined where the rollout is another one by now, or was resumed
 * after this verdict.
 */
export async function openTakeBack(client: ClientBase, intent: TakeBackIntent): Promise<string | undefined> {
  const { modelId, from, to, hash, verdictId, action, reason } = intent;
  const opened = async (): Promise<string | undefined> => {
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM menagerie.taken_back WHERE model_id = $1 AND from_version_id = $2 AND truss_hash = $3`,
      [modelId, from, hash],
    );
    return rows[0]?.id;
  };
  const known = await opened();
  if (known !== undefined) return known;
  const followed = await client.query("SELECT FROM menagerie.take_back WHERE verdict_id = $1", [verdictId]);
  if (followed.rowCount !== 0) return undefined;
  try {
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO menagerie.take_back (model_id, generation, from_version_id, to_version_id, truss_hash, verdict_id, action, reason)
       SELECT t.model_id, t.generation, $2, $3, $4, $5, $6, $7 FROM menagerie.rollout_traffic t WHERE t.model_id = $1
       RETURNING id`,
      [modelId, from, to, hash, verdictId, action, reason],
    );
    return rows[0]?.id;
  } catch (error) {
    if (sqlState(error) === takeBackStates.movedOn) return undefined;
    // Another guard was first.
    if (sqlState(error) === "23505") return opened();
    throw error;
  }
}

/** What is under way, in the order in which it was begun. */
export async function openTakeBacks(client: ClientBase): Promise<OpenTakeBack[]> {
  const { rows } = await client.query<Omit<OpenTakeBack, "targetApps"> & { targetApps: TargetApps | null }>(
    `SELECT t.id, t.model_id AS "modelId", m.name AS model, t.from_version_id AS "from", t.to_version_id AS "to",
            t.truss_hash AS hash, t.verdict_id AS "verdictId", t.action, t.reason,
            t.opened_at AS "openedAt", i.target_apps AS "targetApps",
            ARRAY(SELECT s.step FROM menagerie.take_back_step s WHERE s.take_back_id = t.id ORDER BY s.at) AS steps
       FROM menagerie.taken_back t JOIN menagerie.model m ON m.id = t.model_id JOIN menagerie.take_back i ON i.id = t.id
      WHERE t.done_at IS NULL ORDER BY t.id`,
  );
  return rows.map(({ targetApps, ...row }) => ({ ...row, targetApps: targetApps ?? undefined }));
}

/** Notes that a step is done; noting it again changes nothing. */
export async function noteStep(
  client: ClientBase,
  takeBack: string,
  step: TakeBackStep,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await client.query(
    "INSERT INTO menagerie.take_back_step (take_back_id, step, detail) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    [takeBack, step, JSON.stringify(detail)],
  );
}

/** Holds the migration of a take-back where it goes forward: every run of it stops at its next batch. One transaction with its step. */
export function holdMigration(client: ClientBase, takeBack: string): Promise<void> {
  return inTransaction(client, async () => {
    const { rows } = await client.query<{ migration: string | null }>(
      "SELECT migration FROM menagerie.revert_taken_back($1, 0, NULL, false)",
      [takeBack],
    );
    const migration = rows[0]?.migration ?? null;
    await noteStep(client, takeBack, "held", { migration, newly: migration !== null });
  });
}
