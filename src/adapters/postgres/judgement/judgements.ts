import type { ClientBase } from "pg";
import type { DeclaredJudge } from "../../../domain/judgement/declared.ts";
import { evidenceShares } from "../../../domain/judgement/evidenceShares.ts";
import { beginJudgement, foldRow } from "../../../domain/judgement/judgement.ts";
import type { CountCursor } from "../../../domain/judgement/routedRows.ts";
import type { JudgementRow } from "../../../domain/judgement/rows.ts";
import type { Decision, Judgement, Verdict } from "../../../domain/judgement/state.ts";
import { fromStored, toStored } from "../../../domain/judgement/storedRows.ts";
import { gistOf, verdictOf } from "../../../domain/judgement/verdict.ts";
import type { Interval, Second } from "../../../domain/traffic/seconds.ts";
import { digestOf } from "../../../domain/zoo/smoke.ts";
import { inTransaction } from "../transaction.ts";
import type { JudgedRollout } from "./judgedRollouts.ts";

/** Up to where a judgement has come. */
export interface JudgementCursor extends CountCursor {
  /** Pairs whose answers were over before this second are rows. */
  readonly pairs: Second;
  /** Users who are drawn before it are those of an earlier judgement. @default all count */
  readonly users?: Second | undefined;
  /** When pods warmed up, of the last minutes. @default none did */
  readonly warm?: readonly Interval[] | undefined;
  /** When fixed limits were asked for last. */
  readonly limits: Second;
  /** Rows that are stored, and of these how many are in the state. */
  readonly stored: number;
  readonly folded: number;
}

/** A row of `menagerie.verdict`, as it was just written. */
export interface NewVerdict {
  readonly id: string;
  readonly judgementId: string;
  readonly verdict: Verdict;
}

/** Rows folded in one transaction. */
const rowsAtOnce = 1_000;

interface StoredJudgement {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly hash: string;
  readonly settings: DeclaredJudge;
  readonly cursor: JudgementCursor;
  readonly state: Judgement;
  readonly isOpen: boolean;
  /** Whether the last look is long enough ago for another. */
  readonly isLookDue: boolean;
}

const columns = `id::text AS id, from_version_id::text AS "from", to_version_id::text AS "to", truss_hash AS hash, settings, cursor, state,
  ended_at IS NULL AS "isOpen",
  NOT EXISTS (SELECT FROM menagerie.judgement_look l
               WHERE l.judgement_id = judgement.id AND l.at > now() - greatest(interval '10 s', (now() - begun_at) / 200)) AS "isLookDue"`;

/** The judgement that a rollout is in. */
export interface CurrentJudgement {
  readonly id: string;
  readonly cursor: JudgementCursor;
}

/**
 * The judgement that a rollout is in. An edited judge, or one that somebody ended, is followed by another with half of the risk that
 * is left; so is one of the same content that was tried before.
 *
 * @param since - the first second that a first judgement is about
 */
export function currentJudgement(client: ClientBase, rollout: JudgedRollout, since: Second): Promise<CurrentJudgement> {
  const { modelId, old, new: fresh, hash, judge } = rollout;
  return inTransaction(client, async () => {
    // Two that judge at once would begin two.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.judgement', $1::bigint))", [modelId]);
    const { rows } = await client.query<StoredJudgement>(
      `SELECT ${columns} FROM menagerie.judgement WHERE model_id = $1 AND from_version_id = $2 AND truss_hash = $3
        ORDER BY id DESC LIMIT 1 FOR UPDATE`,
      [modelId, old.id, hash],
    );
    const [last] = rows;
    if (last?.isOpen && isJudgedAlike(last.settings, judge)) {
      await client.query(
        "UPDATE menagerie.judgement SET settings = $2, to_version_id = $3 WHERE id = $1 AND (settings, to_version_id) <> ($2, $3)",
        [last.id, JSON.stringify(judge), fresh.id],
      );
      return last;
    }
    await endJudgement(client, modelId);
    const before = last && { riskLeft: Math.min(last.state.riskLeft, judge.risk) };
    const cursor: JudgementCursor = last
      ? { ...last.cursor, missing: [], users: last.cursor.pairs, stored: 0, folded: 0 }
      : { second: since, missing: [], longest: 0, pairs: since, users: since, limits: 0, stored: 0, folded: 0 };
    const begun = await client.query<{ id: string }>(
      `INSERT INTO menagerie.judgement (model_id, from_version_id, to_version_id, truss_hash, settings, cursor, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id::text AS id`,
      [
        ...[modelId, old.id, fresh.id, hash, JSON.stringify(judge), JSON.stringify(cursor)],
        JSON.stringify(beginJudgement(judge.risk, before)),
      ],
    );
    const id = begun.rows[0]?.id;
    if (id === undefined) throw new Error(`no judgement of ${rollout.model} was begun`);
    return { id, cursor };
  });
}

/** Ends the judgement of a model, if one is open: the next one has half of the risk that is left. */
export async function endJudgement(client: ClientBase, modelId: string): Promise<void> {
  await client.query("UPDATE menagerie.judgement SET ended_at = now() WHERE model_id = $1 AND ended_at IS NULL", [
    modelId,
  ]);
}

/** Ends the judgements of rollouts that are over, or that nobody judges any more. */
export async function endOtherJudgements(client: ClientBase, judged: readonly JudgedRollout[]): Promise<void> {
  await client.query(
    `UPDATE menagerie.judgement j SET ended_at = now()
      WHERE ended_at IS NULL AND NOT EXISTS (
        SELECT FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS r (model_id, from_version_id, truss_hash)
         WHERE (r.model_id, r.from_version_id, r.truss_hash) = (j.model_id, j.from_version_id, j.truss_hash))`,
    [judged.map(({ modelId }) => modelId), judged.map(({ old }) => old.id), judged.map(({ hash }) => hash)],
  );
}

/** What follows from a verdict is not a part of how it is found. */
function isJudgedAlike(one: DeclaredJudge, other: DeclaredJudge): boolean {
  const found = ({ action: _, ...how }: DeclaredJudge) => digestOf(how);
  return found(one) === found(other);
}

/** What `read` found beyond the cursor, with the cursor after it. */
export interface ReadRows {
  readonly rows: readonly JudgementRow[];
  readonly cursor: Omit<JudgementCursor, "stored" | "folded">;
}

/** Stores the rows that `read` finds beyond the judgement's cursor, each once, and answers how many. Of one that is over: none. */
export function storeRows(
  client: ClientBase,
  judgementId: string,
  read: (cursor: JudgementCursor, state: Judgement) => Promise<ReadRows>,
): Promise<number> {
  return inTransaction(client, async () => {
    const judgement = await lockedJudgement(client, judgementId);
    if (!judgement?.isOpen) return 0;
    const { cursor, settings } = judgement;
    const found = await read(cursor, judgement.state);
    if (found.rows.length > 0) {
      await client.query(
        `INSERT INTO menagerie.judgement_row (judgement_id, seq, row)
         SELECT $1, $2 + place, row FROM unnest($3::jsonb[]) WITH ORDINALITY AS given (row, place)`,
        [judgementId, cursor.stored, found.rows.map((row) => JSON.stringify(toStored(row, settings)))],
      );
    }
    const { stored, folded } = cursor;
    await moveCursor(client, judgementId, { ...found.cursor, stored: stored + found.rows.length, folded });
    return found.rows.length;
  });
}

/**
 * Folds rows that are stored and not in the state yet, in their order. The state, the cursor and each verdict that is new by its decision or
 * its reasons are written in one transaction: wherever it is killed, the same verdicts follow from the same rows.
 *
 * @returns the verdicts, and whether rows are left
 */
export function foldStored(
  client: ClientBase,
  judgementId: string,
  most = rowsAtOnce,
): Promise<{ readonly verdicts: readonly NewVerdict[]; readonly isWhole: boolean }> {
  return inTransaction(client, async () => {
    const judgement = await lockedJudgement(client, judgementId);
    if (!judgement) return { verdicts: [], isWhole: true };
    const { settings, cursor } = judgement;
    const { rows } = await client.query<{ row: unknown }>(
      "SELECT row FROM menagerie.judgement_row WHERE judgement_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
      [judgementId, cursor.folded, most],
    );
    let { state } = judgement;
    let gist = cursor.folded === 0 ? undefined : gistOf(state, settings);
    const verdicts: NewVerdict[] = [];
    for (const { row } of rows) {
      state = foldRow(state, fromStored(row), settings);
      const next = gistOf(state, settings);
      if (next !== gist) verdicts.push(await writeVerdict(client, judgementId, verdictOf(state, settings)));
      gist = next;
    }
    if (rows.length > 0) {
      const folded = cursor.folded + rows.length;
      await client.query("UPDATE menagerie.judgement SET state = $2 WHERE id = $1", [
        judgementId,
        JSON.stringify(state),
      ]);
      if (verdicts.length > 0 || (judgement.isLookDue && !state.decided)) await writeLook(client, judgement, state);
      await moveCursor(client, judgementId, { ...cursor, folded });
    }
    return { verdicts, isWhole: cursor.folded + rows.length === cursor.stored };
  });
}

/** What a picture of the evidence over time is made from. */
async function writeLook(client: ClientBase, { id, settings }: StoredJudgement, state: Judgement): Promise<void> {
  await client.query(
    "INSERT INTO menagerie.judgement_look (judgement_id, metrics) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    [id, JSON.stringify(evidenceShares(state, settings))],
  );
}

/** Deletes what no verdict will need, after 14 days, and answers how many rows it deleted; some thousands of a judgement at once. */
export async function pruneJudgements(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ deleted: string }>(
    "SELECT menagerie.prune_judgements() + menagerie.prune_judgement_looks() AS deleted",
  );
  return Number(rows[0]?.deleted ?? 0);
}

async function lockedJudgement(client: ClientBase, id: string): Promise<StoredJudgement | undefined> {
  const { rows } = await client.query<StoredJudgement>(
    `SELECT ${columns} FROM menagerie.judgement WHERE id = $1 FOR UPDATE`,
    [id],
  );
  return rows[0];
}

async function moveCursor(client: ClientBase, id: string, cursor: JudgementCursor): Promise<void> {
  await client.query("UPDATE menagerie.judgement SET cursor = $2 WHERE id = $1 AND cursor <> $2", [
    id,
    JSON.stringify(cursor),
  ]);
}

async function writeVerdict(client: ClientBase, judgementId: string, verdict: Verdict): Promise<NewVerdict> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.verdict (judgement_id, model_id, generation, decision, verdict)
     SELECT j.id, j.model_id, t.generation, $2, $3
       FROM menagerie.judgement j LEFT JOIN menagerie.rollout_traffic t USING (model_id) WHERE j.id = $1
     RETURNING id::text AS id`,
    [judgementId, verdict.decision satisfies Decision, JSON.stringify(verdict)],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error(`no verdict of judgement ${judgementId} was written`);
  return { id, judgementId, verdict };
}
