import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { messageOf } from "../../../../domain/errors.ts";
import {
  type MigrationDirection,
  type MigrationRequest,
  noRows,
  type RevertScope,
  type RowCounts,
  type RowState,
  rowStates,
} from "../../../../domain/zoo/migration.ts";
import type { ShownMigration } from "../../../../domain/zoo/shownStanding.ts";
import { sqlState } from "../../server.ts";
import { takeBackStates } from "../../takeBack/takeBacks.ts";
import { inTransaction } from "../../transaction.ts";
import { refuse } from "../refusals.ts";
import type { InspectedTarget } from "./inspect.ts";
import type { MigrationRecord, Statement } from "./statements.ts";
import { existingJournalSchema, type MigrationTarget, platformTarget } from "./target.ts";

/** A migration as the journal has it. */
export interface JournaledMigration extends MigrationRecord {
  readonly direction: MigrationDirection;
  readonly revert: RevertScope;
  readonly state: "open" | "done";
  readonly pausedAt: Date | null;
  readonly changedAt: Date;
  /** Of its last run; null before one was long enough to tell. */
  readonly rowsPerSecond: number | null;
}

/** A row that a migration touched. */
export interface JournaledRow {
  readonly id: string;
  readonly state: RowState;
}

const columns = `id, name, from_id AS "from", to_id AS "to", generation, share, direction, revert, state,
  paused_at AS "pausedAt", changed_at AS "changedAt", rows_per_second AS "rowsPerSecond"`;

/** Makes the journal's tables in an existing database; the platform's come with its other tables. */
export async function ensureJournal(client: ClientBase, target: MigrationTarget): Promise<void> {
  if (target.journal === platformTarget.journal) return;
  const { rows } = await client.query("SELECT to_regclass($1) IS NOT NULL AS there", [
    `${target.journal}.zoo_migration_row`,
  ]);
  if (rows[0]?.there) return upgradeJournal(client, target);
  const tables = await readFile(join(import.meta.dirname, "journal.sql"), "utf8");
  await inTransaction(client, async () => {
    // Two first runs at once: IF NOT EXISTS alone does not keep them apart.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [existingJournalSchema]);
    const schemas = await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [existingJournalSchema]);
    if (schemas.rowCount === 0) await client.query(`CREATE SCHEMA ${target.journal}`);
    await client.query(`SET LOCAL search_path = ${target.journal}`);
    await client.query(tables);
  });
}

/** Lets a journal that an earlier Menagerie made hold today's states of rows. */
async function upgradeJournal(client: ClientBase, { journal }: MigrationTarget): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE conrelid = $1::regclass AND contype = 'c' AND conname = 'zoo_migration_row_state_check'`,
    [`${journal}.zoo_migration_row`],
  );
  const [check] = rows;
  if (!check || rowStates.every((state) => check.definition.includes(`'${state}'`))) return;
  const states = rowStates.map((state) => `'${state}'`).join(", ");
  // NOT VALID: the rows that are there hold the states of before.
  await client.query(
    `ALTER TABLE ${journal}.zoo_migration_row DROP CONSTRAINT ${check.name},
       ADD CONSTRAINT ${check.name} CHECK (state IN (${states})) NOT VALID`,
  );
}

/** The migration of a pair; undefined where none ever began, or the journal is not there yet. */
export async function findMigration(
  client: ClientBase,
  target: MigrationTarget,
  pair: Pick<MigrationRequest, "from" | "to">,
): Promise<JournaledMigration | undefined> {
  const all = await readMigrations(client, target, "AND from_id = $2 AND to_id = $3", [pair.from, pair.to]);
  return all[0];
}

/** Every migration of a target, the one that was changed last first. */
export function listMigrations(client: ClientBase, target: MigrationTarget): Promise<JournaledMigration[]> {
  return readMigrations(client, target, "", []);
}

/** The same as they are shown; those that only try a copy are left out. */
export async function listShownMigrations(client: ClientBase, target: MigrationTarget): Promise<ShownMigration[]> {
  const all = await listMigrations(client, target);
  return all
    .filter(({ name }) => !name.startsWith("try "))
    .map(({ id, name, from, to, direction, share, pausedAt }) => ({
      id,
      name,
      from,
      to,
      direction,
      share,
      held: pausedAt !== null,
    }));
}

async function readMigrations(
  client: ClientBase,
  target: MigrationTarget,
  condition: string,
  values: readonly string[],
): Promise<JournaledMigration[]> {
  try {
    const { rows } = await client.query<JournaledMigration>(
      `SELECT ${columns} FROM ${target.journal}.zoo_migration WHERE target = $1 ${condition} ORDER BY changed_at DESC, id DESC`,
      [target.table, ...values],
    );
    return rows;
  } catch (error) {
    // No such schema, no such table.
    if (sqlState(error) === "3F000" || sqlState(error) === "42P01") return [];
    throw error;
  }
}

/**
 * Writes down what is wanted before anything moves, and answers the migration. The same again changes nothing. A forward
 * after a revert begins a new generation, in which rows of the last one may move again; a share only grows. In the same transaction the
 * rollout's traffic must be as it was when a forward was planned: `up` and guard change weights and apps by one generation, under the
 * rollout's lock. Once the migration is written, a guard stops it by its hold, which each batch checks.
 * @throws OperatorError for a content that is taken back, and where a guard changed the traffic since {@link MigrationRequest.expected}
 */
export async function openMigration(
  client: ClientBase,
  target: MigrationTarget,
  request: Required<Pick<MigrationRequest, "name" | "from" | "to" | "direction" | "revert" | "share">> &
    Pick<MigrationRequest, "expected">,
): Promise<JournaledMigration> {
  const { name, from, to, direction, revert, share, expected } = request;
  const { rows } = await refusingTakenBack(
    name,
    inTransaction(client, async () => {
      if (direction === "forward" && expected !== undefined && target.journal === platformTarget.journal)
        await client.query("SELECT menagerie.expect_traffic($1, $2)", [to, expected]);
      return client.query<JournaledMigration>(
        `INSERT INTO ${target.journal}.zoo_migration AS m (target, from_id, to_id, name, direction, revert, share)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (target, from_id, to_id) DO UPDATE SET
       name = excluded.name,
       direction = excluded.direction,
       revert = CASE WHEN excluded.direction = 'reverted' THEN excluded.revert ELSE m.revert END,
       generation = m.generation + (excluded.direction = 'forward' AND m.direction = 'reverted')::integer,
       share = CASE WHEN excluded.direction = 'reverted' THEN m.share
                    WHEN m.direction = 'reverted' THEN excluded.share
                    ELSE greatest(m.share, excluded.share) END,
       state = 'open',
       changed_at = now()
     RETURNING ${columns}`,
        [target.table, from, to, name, direction, revert, share],
      );
    }),
  );
  const migration = rows[0];
  if (!migration) throw new Error(`the migration from ${from} to ${to} was not recorded`);
  return migration;
}

/**
 * Closes a run that found nothing more to move, and waits until all of its transactions are on disk. A migration that was
 * turned round meanwhile stays open.
 */
export async function closeMigration(
  client: ClientBase,
  target: InspectedTarget,
  migration: JournaledMigration,
  rowsPerSecond: number | undefined,
): Promise<void> {
  await inTransaction(client, async () => {
    await client.query("SET LOCAL synchronous_commit = on");
    await client.query(
      `UPDATE ${target.journal}.zoo_migration
          SET state = 'done', rows_per_second = coalesce($4, rows_per_second), changed_at = now()
        WHERE id = $1 AND direction = $2 AND generation = $3`,
      [migration.id, migration.direction, migration.generation, rowsPerSecond ?? null],
    );
  });
}

/** Holds every run of a migration at its next batch, or lets runs begin again. False when there is no such migration. */
export async function setPaused(
  client: ClientBase,
  target: MigrationTarget,
  migrationId: string,
  paused: boolean,
): Promise<boolean> {
  const { rowCount } = await refusingTakenBack(
    migrationId,
    client.query(
      `UPDATE ${target.journal}.zoo_migration
        SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END, changed_at = now() WHERE id = $1`,
      [migrationId, paused],
    ),
  );
  return rowCount === 1;
}

/**
 * Throws the sentence of the take-back where one keeps a migration from going forward, by the rule that {@link openMigration} meets; changes
 * nothing. A run that no longer may move anything asks why: the guard held it and turned it round, or a person did.
 */
export async function requireNotTakenBack(
  client: ClientBase,
  target: MigrationTarget,
  { id, name }: Pick<MigrationRecord, "id" | "name">,
): Promise<void> {
  await client.query("BEGIN");
  try {
    await refusingTakenBack(
      name,
      client.query(
        `UPDATE ${target.journal}.zoo_migration SET direction = 'forward', state = 'open', paused_at = NULL WHERE id = $1`,
        [id],
      ),
    );
  } finally {
    await client.query("ROLLBACK");
  }
}

/** The database keeps what a guard took back from going forward, and a plan that is older than the guard's change; its words say why. */
async function refusingTakenBack<T>(name: string, query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    if (sqlState(error) === takeBackStates.changed)
      throw refuse("traffic.stale", { model: name, now: messageOf(error) }, error);
    if (sqlState(error) !== takeBackStates.takenBack) throw error;
    throw refuse("migration.taken-back", { name, state: messageOf(error) }, error);
  }
}

/** How many rows the journal has in each state. */
export async function countRows(client: ClientBase, target: MigrationTarget, migrationId: string): Promise<RowCounts> {
  const { text, values } = settledCounts(target, migrationId);
  const { rows } = await client.query<{ state: RowState; count: number }>(text, [...values]);
  return { ...noRows, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) };
}

/** Rows of the journal a page at a time, in the order of their ids' text. */
export async function* journaledRows(
  client: ClientBase,
  target: MigrationTarget,
  migrationId: string,
  states: readonly RowState[] = rowStates,
): AsyncGenerator<readonly JournaledRow[]> {
  let after = "";
  for (;;) {
    const { text, values } = settledRows(target, migrationId, after, states);
    const { rows } = await client.query<JournaledRow>(text, [...values]);
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)?.id ?? after;
  }
}

/** The statement of {@link countRows}. */
export function settledCounts({ journal }: MigrationTarget, migrationId: string): Statement {
  const text = `SELECT state, count(*)::integer AS count FROM ${journal}.zoo_migration_row
      WHERE migration_id = $1 GROUP BY state`;
  return { text, values: [migrationId] };
}

/** The statement of one page of {@link journaledRows}. */
export function settledRows(
  { journal }: MigrationTarget,
  migrationId: string,
  after: string,
  states: readonly RowState[],
): Statement {
  const text = `SELECT row_id AS id, state FROM ${journal}.zoo_migration_row
      WHERE migration_id = $1 AND row_id > $2 AND state = ANY ($3) ORDER BY row_id LIMIT 10000`;
  return { text, values: [migrationId, after, states] };
}
