import type { ClientBase } from "pg";
import * as z from "zod";
import type { JudgeSettings } from "../../../domain/judgement/settings.ts";
import type { Judgement } from "../../../domain/judgement/state.ts";
import { describeEntryEdits, type EntryEdit, type JudgedSoFar, type Seen } from "../../../domain/zoo/advance.ts";
import { refuseAdvance } from "../../../domain/zoo/advanceRefusals.ts";

/** A step that was begun. */
export interface Advance {
  readonly id: string;
  readonly stack: string;
  /** Name of the zoo model. */
  readonly model: string;
  readonly edits: readonly EntryEdit[];
  readonly requestedBy: string;
  readonly begunAt: Date;
}

/**
 * Takes the right to advance a rollout of the stack for this session: a process that is killed lets go at once.
 * @throws OperatorError where another session has it.
 */
export async function lockAdvances(client: ClientBase, stack: string): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>(
    "SELECT pg_try_advisory_lock(hashtextextended('menagerie.advance:' || $1::text, 0)) AS locked",
    [stack],
  );
  if (rows[0]?.locked) return;
  const open = await openAdvance(client, stack);
  const who = open
    ? ` (${open.model}, ${describeEntryEdits(open.edits)}, by ${open.requestedBy}, since ${open.begunAt.toISOString()})`
    : "";
  throw refuseAdvance("advance.under-way", { stack, who });
}

const entryEdits = z.array(
  z.strictObject({
    key: z.enum(["phase", "traffic", "share"]),
    from: z.unknown().optional(),
    to: z.union([z.string(), z.number()]),
  }),
);

interface AdvanceRow extends Omit<Advance, "edits"> {
  readonly edits: unknown;
}

/** The step of the stack that was begun and has not ended. Undefined for none. */
export async function openAdvance(client: ClientBase, stack: string): Promise<Advance | undefined> {
  const { rows } = await client.query<AdvanceRow>(
    `SELECT a.id, a.stack, m.name AS model, a.edits, a.requested_by AS "requestedBy", a.begun_at AS "begunAt"
       FROM menagerie.rollout_advance a JOIN menagerie.model m ON m.id = a.model_id
      WHERE a.stack = $1 AND a.ended_at IS NULL`,
    [stack],
  );
  const [row] = rows;
  return row && { ...row, edits: entryEdits.parse(row.edits).map(({ from, ...edit }) => ({ ...edit, from })) };
}

export interface AdvanceIntent {
  readonly stack: string;
  readonly model: string;
  readonly edits: readonly EntryEdit[];
  readonly judgementId: string | undefined;
  readonly requestedBy: string;
}

/** Records what is about to be written into the stack's file. Answers the step's id. */
export async function beginAdvance(client: ClientBase, intent: AdvanceIntent): Promise<string> {
  const { stack, model, edits, judgementId, requestedBy } = intent;
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.rollout_advance (stack, model_id, edits, judgement_id, requested_by)
     SELECT $1, m.id, $3, $4, $5 FROM menagerie.model m
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin WHERE m.name = $2
     RETURNING id`,
    [stack, model, JSON.stringify(edits), judgementId ?? null, requestedBy],
  );
  const [row] = rows;
  if (!row) throw new Error(`there is no zoo model ${model}`);
  return row.id;
}

/** Ends a step, once. A deployed one notes what the open judgement had seen by then. */
export async function endAdvance(
  client: ClientBase,
  { id, model }: Pick<Advance, "id" | "model">,
  outcome: "deployed" | "given up",
): Promise<void> {
  const judged = outcome === "deployed" ? await readJudged(client, model) : undefined;
  const seen = judged && { judgementId: judged.judgementId, ...answered(judged.state) };
  await client.query(
    "UPDATE menagerie.rollout_advance SET outcome = $2, seen = $3, ended_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL",
    [id, outcome, seen ? JSON.stringify(seen) : null],
  );
}

function answered({ total }: Judgement): Seen {
  return { new: total.new.requests, old: total.old.requests };
}

/** What the open judgement of a zoo model has found, with what it had seen at the last step. Undefined where none is open. */
export async function readJudged(client: ClientBase, model: string): Promise<JudgedSoFar | undefined> {
  // The state is what the judge stores: integers and names that it checks itself.
  const { rows } = await client.query<{ id: string; settings: JudgeSettings; state: Judgement; seen: Seen | null }>(
    `SELECT j.id, j.settings, j.state,
            (SELECT a.seen FROM menagerie.rollout_advance a
              WHERE a.model_id = j.model_id AND a.seen->>'judgementId' = j.id::text ORDER BY a.id DESC LIMIT 1) AS seen
       FROM menagerie.judgement j
       JOIN menagerie.model m ON m.id = j.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      WHERE m.name = $1 AND j.ended_at IS NULL`,
    [model],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { id, settings, state, seen } = row;
  return { judgementId: id, settings, state, seen: seen ? { new: seen.new, old: seen.old } : { new: 0, old: 0 } };
}
