import { cohortLimit } from "../../../../domain/zoo/migrationCohort.ts";
import type { InspectedTarget } from "./inspect.ts";

/** A statement with its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** One migration as its statements need it. */
export interface MigrationRecord {
  readonly id: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly generation: number;
  /** Percent of organizations. */
  readonly share: number;
}

/*
 * The statements join by keys that no other path serves and say nothing a second time: a condition on the proxy beside the key
 * would let the planner walk all rows of a version that its statistics call rare. What was checked when a row was locked holds
 * until the statement ends.
 */

/** What one batch did. */
export interface BatchRow {
  /** Whether the migration is still wanted this way, and not paused. */
  readonly live: boolean;
  /** Whether the version that rows are pointed at exists. */
  readonly goal: boolean;
  readonly picked: number;
  /** Ids of the rows that point where they were pointed: a trigger may keep a row as it was, or swallow the change. */
  readonly moved: readonly string[];
  /** Where the next batch goes on; null when nothing was picked. */
  readonly last: string | null;
}

export interface BatchOptions {
  /** `last` of the batch before; null to begin. */
  readonly after: string | null;
  readonly limit: number;
  readonly locks: RowLocks;
}

/**
 * What a batch does about rows that others have locked: `skip` leaves them for later and `wait` waits for them, both by locking
 * all rows of the batch first. `none` locks nothing beside the change itself, which saves a write of each row, and waits.
 */
export type RowLocks = "none" | "skip" | "wait";

/** Collects values and answers their places. */
class Values {
  readonly list: unknown[] = [];

  add(value: unknown): string {
    this.list.push(value);
    return `$${this.list.length}`;
  }
}

/**
 * What the journal says of the row `v`; null where it has none. A scalar subquery, which is one look into the journal's key
 * whatever the statistics say: they lag behind a journal that grows from nothing, and a join would read all of it for every
 * row. The key is text, so the row's id is cast, never the journal's.
 */
function journaled(
  { id, journal }: InspectedTarget,
  record: Pick<MigrationRecord, "id">,
  column: "state" | "generation",
  values: Values,
): string {
  return `(SELECT j.${column} FROM ${journal}.zoo_migration_row j
          WHERE j.migration_id = ${values.add(record.id)} AND j.row_id = v.${id}::text)`;
}

/**
 * A row belongs to a forward when it points at the old version and this generation has not touched it: a user who pointed
 * it back is not overruled.
 */
function eligible(target: InspectedTarget, record: MigrationRecord, values: Values): string {
  const { id, proxy, proxyType, idType } = target;
  const untouched = `coalesce(${journaled(target, record, "generation", values)}, 0) < ${values.add(record.generation)}`;
  return `v.${proxy} = ${values.add(record.from)}::text::${proxyType} AND v.${id} <> ${values.add(record.to)}::text::${idType}
        AND ${untouched}${cohort(target, record, values)}`;
}

/** The same as `inCohort` of the domain. */
function cohort(
  { organization }: InspectedTarget,
  { name, share }: Pick<MigrationRecord, "name" | "share">,
  values: Values,
): string {
  if (share >= 100 || organization === undefined) return "";
  const salted = `convert_to(${values.add(name)}::text || ':' || ${organization}::text, 'UTF8')`;
  const bucket = `('x' || encode(substring(sha256(${salted}) FROM 1 FOR 4), 'hex'))::bit(32)::bigint`;
  return `\n        AND coalesce(${bucket}, 4294967295) < ${values.add(cohortLimit(share))}::bigint`;
}

function live(target: InspectedTarget, record: MigrationRecord, direction: string, values: Values): string {
  // A share lock: whoever changes or pauses the migration waits for this batch, and the next one sees it.
  return `live AS MATERIALIZED (
      SELECT FROM ${target.journal}.zoo_migration
       WHERE id = ${values.add(record.id)} AND direction = '${direction}' AND generation = ${values.add(record.generation)}
         AND paused_at IS NULL
         FOR SHARE
    )`;
}

/** The version that rows are pointed at; until the batch ends nobody can delete or retire it. */
function goal({ table, id, idType, served }: InspectedTarget, version: string, values: Values): string {
  const condition = served === undefined ? "" : ` AND ${served}`;
  return `goal AS MATERIALIZED (
      SELECT FROM ${table} g WHERE g.${id} = ${values.add(version)}::text::${idType}${condition} FOR KEY SHARE
    )`;
}

const result = `SELECT EXISTS (SELECT FROM live) AS live, EXISTS (SELECT FROM goal) AS goal,
       (SELECT count(*)::integer FROM picked) AS picked,
       coalesce((SELECT array_agg(row_id) FROM moved WHERE holds), '{}') AS moved,
       (SELECT last FROM picked ORDER BY position DESC LIMIT 1) AS last`;

function lockClause({ locks }: BatchOptions): string {
  if (locks === "none") return "";
  return locks === "wait" ? "FOR NO KEY UPDATE OF v" : "FOR NO KEY UPDATE OF v SKIP LOCKED";
}

/** Moves up to `limit` rows to the new version and journals them, in one statement. */
export function forwardBatch(target: InspectedTarget, record: MigrationRecord, options: BatchOptions): Statement {
  const values = new Values();
  const { table, id, idType, proxy, proxyType, journal } = target;
  const after = options.after === null ? "" : `\n        AND v.${id} > ${values.add(options.after)}::text::${idType}`;
  const [from, to] = [values.add(record.from), values.add(record.to)];
  // A row that was not locked may point elsewhere by the time it is changed: PostgreSQL (READ COMMITTED) waits for whoever did
  // that, and asks the condition again of the row as it is then. No index serves IS NOT DISTINCT FROM: the planner keeps to the key.
  const unchanged = options.locks === "none" ? `AND v.${proxy} IS NOT DISTINCT FROM ${from}::text::${proxyType}` : "";
  const text = `WITH ${live(target, record, "forward", values)},
    ${goal(target, record.to, values)},
    picked AS MATERIALIZED (
      SELECT v.${id} AS position, v.${id}::text AS last FROM ${table} v
       WHERE EXISTS (SELECT FROM live) AND EXISTS (SELECT FROM goal)
        AND ${eligible(target, record, values)}${after}
       ORDER BY v.${id} LIMIT ${values.add(options.limit)} ${lockClause(options)}
    ), moved AS (
      UPDATE ${table} v SET ${proxy} = ${to}::text::${proxyType} FROM picked p
       WHERE v.${id} = p.position ${unchanged}
      RETURNING v.${id}::text AS row_id, v.${proxy} = ${to}::text::${proxyType} AS holds
    ), written AS (
      INSERT INTO ${journal}.zoo_migration_row (migration_id, row_id, old_value, new_value, state, generation)
      SELECT ${values.add(record.id)}, row_id, ${from}::text, ${to}::text, 'forward', ${values.add(record.generation)} FROM moved WHERE holds
      ON CONFLICT (migration_id, row_id) DO UPDATE
         SET state = 'forward', generation = excluded.generation, moved_at = now(), reverted_at = NULL
    ) ${result}`;
  return { text, values: values.list };
}

/** Moves up to `limit` journaled rows that still point at the new version back, and settles the others. */
export function revertBatch(target: InspectedTarget, record: MigrationRecord, options: BatchOptions): Statement {
  const values = new Values();
  const { table, id, idType, proxy, proxyType, journal } = target;
  const migration = values.add(record.id);
  const after = options.after === null ? "" : ` AND j.row_id > ${values.add(options.after)}`;
  const [from, to] = [values.add(record.from), values.add(record.to)];
  // A row that is not found may be locked, unless it was waited for.
  const gone =
    options.locks === "wait"
      ? "\n       UNION ALL SELECT entry, 'deleted' FROM due WHERE row_id NOT IN (SELECT last FROM found)"
      : "";
  const text = `WITH ${live(target, record, "reverted", values)},
    ${goal(target, record.from, values)},
    due AS MATERIALIZED (
      SELECT j.row_id, j.ctid AS entry FROM ${journal}.zoo_migration_row j
       WHERE EXISTS (SELECT FROM live) AND EXISTS (SELECT FROM goal)
         AND j.migration_id = ${migration} AND j.state = 'forward'${after}
       ORDER BY j.row_id LIMIT ${values.add(options.limit)}
    ), found AS MATERIALIZED (
      SELECT v.${id} AS position, d.row_id AS last, d.entry, v.${proxy} = ${to}::text::${proxyType} AS holds
        FROM due d JOIN ${table} v ON v.${id} = d.row_id::${idType}
         ${lockClause(options)}
    ), picked AS (SELECT row_id AS position, row_id AS last FROM due
    ), moved AS (
      UPDATE ${table} v SET ${proxy} = ${from}::text::${proxyType} FROM found p
       WHERE p.holds AND v.${id} = p.position
      RETURNING p.last AS row_id, p.entry, v.${proxy} = ${from}::text::${proxyType} AS holds
    ), settled AS (
      SELECT entry, 'reverted' AS state FROM moved WHERE holds
       UNION ALL SELECT entry, 'changed' FROM found WHERE holds IS NOT TRUE${gone}
    ), written AS (
      UPDATE ${journal}.zoo_migration_row j SET state = s.state, reverted_at = now() FROM settled s
       WHERE j.ctid = s.entry
    ) ${result}`;
  return { text, values: values.list };
}

/** Moves up to `limit` rows that point at the new version back, whoever pointed them there. */
export function sweepBatch(target: InspectedTarget, record: MigrationRecord, options: BatchOptions): Statement {
  const values = new Values();
  const { table, id, idType, proxy, proxyType, journal } = target;
  const after = options.after === null ? "" : `\n        AND v.${id} > ${values.add(options.after)}::text::${idType}`;
  const [from, to] = [values.add(record.from), values.add(record.to)];
  const text = `WITH ${live(target, record, "reverted", values)},
    ${goal(target, record.from, values)},
    picked AS MATERIALIZED (
      SELECT v.${id} AS position, v.${id}::text AS last FROM ${table} v
       WHERE EXISTS (SELECT FROM live) AND EXISTS (SELECT FROM goal)
        AND v.${proxy} = ${to}::text::${proxyType} AND v.${id} <> ${from}::text::${idType}${unskipped(target, record, values)}${after}
       ORDER BY v.${id} LIMIT ${values.add(options.limit)} ${lockClause(options)}
    ), moved AS (
      UPDATE ${table} v SET ${proxy} = ${from}::text::${proxyType} FROM picked p
       WHERE v.${id} = p.position
      RETURNING v.${id}::text AS row_id, v.${proxy} = ${from}::text::${proxyType} AS holds
    ), written AS (
      INSERT INTO ${journal}.zoo_migration_row (migration_id, row_id, old_value, new_value, state, generation, reverted_at)
      SELECT ${values.add(record.id)}, row_id, ${from}::text, ${to}::text, 'swept', ${values.add(record.generation)}, now() FROM moved WHERE holds
      ON CONFLICT (migration_id, row_id) DO UPDATE
         SET state = 'swept', generation = excluded.generation, reverted_at = now()
    ) ${result}`;
  return { text, values: values.list };
}

/** What a walk has left: forward, the journaled of a revert, or all that point at the new version. */
export type WalkKind = "forward" | "journaled" | "sweep";

/** Ids of rows that a walk has left, in its order; the first of them are what the next batch would move. */
export function leftRows(
  kind: WalkKind,
  target: InspectedTarget,
  record: MigrationRecord,
  { after, limit }: Pick<BatchOptions, "after" | "limit">,
): Statement {
  const values = new Values();
  const { table, id, idType, proxy, proxyType, journal } = target;
  if (kind === "journaled") {
    const text = `SELECT j.row_id AS id FROM ${journal}.zoo_migration_row j
      WHERE j.migration_id = ${values.add(record.id)} AND j.state = 'forward'${after === null ? "" : ` AND j.row_id > ${values.add(after)}`}
      ORDER BY j.row_id LIMIT ${values.add(limit)}`;
    return { text, values: values.list };
  }
  const condition =
    kind === "forward"
      ? eligible(target, record, values)
      : `v.${proxy} = ${values.add(record.to)}::text::${proxyType} AND v.${id} <> ${values.add(record.from)}::text::${idType}${unskipped(target, record, values)}`;
  const beyond = after === null ? "" : ` AND v.${id} > ${values.add(after)}::text::${idType}`;
  const text = `SELECT v.${id}::text AS id FROM ${table} v WHERE ${condition}${beyond} ORDER BY v.${id} LIMIT ${values.add(limit)}`;
  return { text, values: values.list };
}

/** Journals rows as skipped: this generation does not try them again. */
export function skipRows(
  kind: WalkKind,
  { journal }: InspectedTarget,
  { id, from, to, generation }: MigrationRecord,
  rows: readonly string[],
): Statement {
  const at = kind === "forward" ? "NULL::timestamptz" : "now()";
  const text = `INSERT INTO ${journal}.zoo_migration_row (migration_id, row_id, old_value, new_value, state, generation, reverted_at)
      SELECT $1, unnest($2::text[]), $3, $4, 'skipped', $5, ${at}
      ON CONFLICT (migration_id, row_id) DO UPDATE
         SET state = 'skipped', generation = excluded.generation, reverted_at = ${at}`;
  return { text, values: [id, rows, from, to, generation] };
}

/** Lets rows that earlier runs skipped be tried again: those of a forward are eligible again, those of a revert due again. */
export function retrySkipped({ journal }: InspectedTarget, { id }: Pick<MigrationRecord, "id">): Statement {
  const text = `UPDATE ${journal}.zoo_migration_row
        SET generation = CASE WHEN reverted_at IS NULL THEN 0 ELSE generation END,
            state = CASE WHEN reverted_at IS NULL THEN state ELSE 'forward' END, reverted_at = NULL
      WHERE migration_id = $1 AND state = 'skipped'`;
  return { text, values: [id] };
}

/** Leaves out what a revert of all skipped, by a look into the journal's key. */
function unskipped(target: InspectedTarget, record: Pick<MigrationRecord, "id">, values: Values): string {
  return `\n        AND coalesce(${journaled(target, record, "state", values)}, '') <> 'skipped'`;
}

/** Rows that a forward has left to move, and their users. */
export function countForward(target: InspectedTarget, record: MigrationRecord): Statement {
  const values = new Values();
  const text = `SELECT count(*)::integer AS rows, ${users(target)} AS users FROM ${target.table} v
      WHERE ${eligible(target, record, values)}`;
  return { text, values: values.list };
}

/** Rows that a first forward would move, and their users; needs no journal. `to` is empty where it is not known yet. */
export function countPointing(
  target: InspectedTarget,
  record: Pick<MigrationRecord, "name" | "from" | "to" | "share">,
): Statement {
  const values = new Values();
  const { table, id, proxy, proxyType } = target;
  const text = `SELECT count(*)::integer AS rows, ${users(target)} AS users FROM ${table} v
      WHERE v.${proxy} = ${values.add(record.from)}::text::${proxyType} AND v.${id}::text <> ${values.add(record.to)}::text
        ${cohort(target, record, values)}`;
  return { text, values: values.list };
}

/** Rows that a revert of the journaled has left to move, and their users. */
export function countRevert(target: InspectedTarget, record: MigrationRecord): Statement {
  const values = new Values();
  const text = `SELECT count(*)::integer AS rows, ${users(target)} AS users FROM ${target.table} v
      WHERE v.${target.proxy} = ${values.add(record.to)}::text::${target.proxyType}
        AND ${journaled(target, record, "state", values)} = 'forward'`;
  return { text, values: values.list };
}

/** Rows of the journal that a revert has not settled yet. */
export function openRows(target: InspectedTarget, { id }: Pick<MigrationRecord, "id">): Statement {
  const text = `SELECT count(*)::integer AS rows FROM ${target.journal}.zoo_migration_row WHERE migration_id = $1 AND state = 'forward'`;
  return { text, values: [id] };
}

/** Rows that a revert of all has left to move, and their users; without an id, of a migration that is not journaled. */
export function countSweep(
  target: InspectedTarget,
  record: Pick<MigrationRecord, "from" | "to"> & Partial<Pick<MigrationRecord, "id">>,
): Statement {
  const { id } = record;
  const values = new Values();
  const text = `SELECT count(*)::integer AS rows, ${users(target)} AS users FROM ${target.table} v
      WHERE v.${target.proxy} = ${values.add(record.to)}::text::${target.proxyType}
        AND v.${target.id} <> ${values.add(record.from)}::text::${target.idType}${id === undefined ? "" : unskipped(target, { id }, values)}`;
  return { text, values: values.list };
}

function users({ user }: InspectedTarget): string {
  return user === undefined ? "NULL::integer" : `count(DISTINCT ${user})::integer`;
}
