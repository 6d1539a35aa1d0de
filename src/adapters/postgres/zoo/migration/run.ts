import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { messageOf } from "../../../../domain/errors.ts";
import type { Progress } from "../../../../domain/progress.ts";
import { type MigrationRequest, type RowCounts, requestIssues } from "../../../../domain/zoo/migration.ts";
import {
  afterFailure,
  batchLimits,
  describePace,
  nextBatch,
  throttleDelay,
} from "../../../../domain/zoo/migrationPace.ts";
import { sqlState } from "../../server.ts";
import { refuse } from "../refusals.ts";
import { rowFailure, toldFailure, UndoneRow } from "./failures.ts";
import { resumeTakeBack } from "./guarded.ts";
import { canonicalId, type InspectedTarget, requireTarget } from "./inspect.ts";
import {
  closeMigration,
  countRows,
  ensureJournal,
  type JournaledMigration,
  openMigration,
  requireNotTakenBack,
} from "./journal.ts";
import { locked } from "./lock.ts";
import { LockedBatches, lockTimeouts } from "./lockedBatches.ts";
import { analyzeJournal, plannerSettings } from "./planner.ts";
import {
  type BatchOptions,
  type BatchRow,
  countForward,
  countSweep,
  forwardBatch,
  leftRows,
  openRows,
  type RowLocks,
  retrySkipped,
  revertBatch,
  type Statement,
  skipRows,
  sweepBatch,
  type WalkKind,
} from "./statements.ts";
import type { MigrationTarget } from "./target.ts";

export interface RunOptions {
  readonly progress: Progress;
  /** Ends the run after the batch under way; the same request goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Rows of one transaction at most.
   * @default as many as a tenth of a second moves, up to 5000
   */
  readonly batchRows?: number | undefined;
  /**
   * Leaves rows that cannot be changed where they are and journals them as skipped; this generation does not try them again.
   * Without it the first of them ends the run.
   * @default false
   */
  readonly skipFailing?: boolean | undefined;
  /**
   * Tries rows again that earlier runs skipped.
   * @default false
   */
  readonly retrySkipped?: boolean | undefined;
  /** Told the ids of the rows that each batch moved, once it is committed. */
  readonly onMoved?: ((ids: readonly string[]) => void) | undefined;
}

/** What a run came to. */
export interface MigrationResult {
  readonly migrationId: string;
  readonly generation: number;
  readonly state: "done" | "paused";
  /** Rows that this run moved. */
  readonly moved: number;
  /** All rows of the migration, this and earlier runs. */
  readonly counts: RowCounts;
}

type Batch = (target: InspectedTarget, migration: JournaledMigration, options: BatchOptions) => Statement;

/** One walk over what is to be moved, and what it has left. */
interface Walk {
  readonly kind: WalkKind;
  readonly batch: Batch;
  /** What its first pass does about rows that others have locked. */
  readonly first: RowLocks;
  readonly count: (target: InspectedTarget, migration: JournaledMigration) => Statement;
}

const forward: Walk = { kind: "forward", batch: forwardBatch, first: "none", count: countForward };
const journaled: Walk = { kind: "journaled", batch: revertBatch, first: "skip", count: openRows };
const sweep: Walk = { kind: "sweep", batch: sweepBatch, first: "skip", count: countSweep };

/**
 * A transaction is one statement, so that no lock ever waits for this process. A commit need not be on disk before the next
 * one begins: after a crash of the server rows and journal are of one moment all the same, and the last commit waits for all.
 */
const session = [
  plannerSettings,
  "SET synchronous_commit = off",
  `SET lock_timeout = ${lockTimeouts.others}`,
  "SET statement_timeout = '60s'",
  // Of a process that vanished with its machine, the server learns in half a minute, and frees the lock.
  "SET tcp_keepalives_idle = 10",
  "SET tcp_keepalives_interval = 5",
  "SET tcp_keepalives_count = 4",
].join("; ");

/**
 * Makes the rows be as `request` says, on a connection of its own: writes down what is wanted, then moves rows in short
 * transactions, each with its journal, until none is left. Ended at any point, the same again goes on from there; when there
 * is nothing to do it changes nothing. Runs that concern the same versions follow each other.
 * @throws OperatorError for what cannot be moved, for a migration that is held by hand, and for rows that stay locked.
 */
export async function runMigration(
  client: ClientBase,
  target: MigrationTarget,
  request: MigrationRequest,
  options: RunOptions,
): Promise<MigrationResult> {
  const [issue] = requestIssues(request);
  if (issue !== undefined) throw refuse("migration.request", { name: request.name, ...issue });
  const inspected = await requireTarget(client, target);
  const pair = await canonicalPair(client, inspected, request);
  await ensureJournal(client, target);
  await client.query(session);
  return locked(client, inspected, pair, options, async () => {
    const { name, direction, revert = "journaled", share = 100, expected } = request;
    if (request.resumes !== undefined) await resumeTakeBack(client, target, request.resumes);
    const migration = await openMigration(client, target, { name, direction, revert, share, expected, ...pair });
    if (request.paused) return finished(client, inspected, migration, "paused", 0);
    if (options.retrySkipped) await retry(client, inspected, migration);
    const run = new MigrationRun(client, inspected, migration, request, options);
    const moved = await run.all();
    return finished(client, inspected, migration, "done", moved);
  });
}

async function retry(client: ClientBase, target: InspectedTarget, migration: JournaledMigration): Promise<void> {
  const { text, values } = retrySkipped(target, migration);
  await client.query(text, [...values]);
}

/** Both ids as the database writes them, and both there. */
async function canonicalPair(
  client: ClientBase,
  target: InspectedTarget,
  { name, from, to }: MigrationRequest,
): Promise<{ from: string; to: string }> {
  const ids = [];
  for (const given of [from, to]) {
    const id = await canonicalId(client, target.idType, given);
    if (id === undefined) throw refuse("migration.id-type", { name, given, idType: target.idType });
    ids.push(id);
  }
  return { from: ids[0] ?? from, to: ids[1] ?? to };
}

async function finished(
  client: ClientBase,
  target: InspectedTarget,
  migration: JournaledMigration,
  state: "done" | "paused",
  moved: number,
): Promise<MigrationResult> {
  const { id: migrationId, generation } = migration;
  return { migrationId, generation, state, moved, counts: await countRows(client, target, migrationId) };
}

const unchanged = "it does not change when it is updated; look for a trigger that keeps it";

/** One run of one migration. */
class MigrationRun {
  readonly #client: ClientBase;
  readonly #target: InspectedTarget;
  readonly #migration: JournaledMigration;
  readonly #request: MigrationRequest;
  readonly #options: RunOptions;
  readonly #startedAt = performance.now();
  #moved = 0;
  readonly #most: number;
  #batch: number;

  constructor(
    client: ClientBase,
    target: InspectedTarget,
    migration: JournaledMigration,
    request: MigrationRequest,
    options: RunOptions,
  ) {
    this.#client = client;
    this.#target = target;
    this.#migration = migration;
    this.#request = request;
    this.#options = options;
    this.#most = Math.min(options.batchRows ?? batchLimits.most, request.rowsPerSecond ?? batchLimits.most);
    this.#batch = Math.min(batchLimits.first, this.#most);
  }

  /** Moves everything, and answers how many rows that were. */
  async all(): Promise<number> {
    const { direction, revert } = this.#migration;
    const walks = direction === "forward" ? [forward] : revert === "all" ? [journaled, sweep] : [journaled];
    const task = this.#options.progress.begin(`migration ${this.#request.name}`);
    try {
      for (const walk of walks) {
        await this.#walk(walk, (total) => task.update(describePace(this.#moved, total, this.#elapsed())));
      }
      const elapsed = this.#elapsed();
      const rate = this.#moved >= batchLimits.first ? (this.#moved * 1_000) / Math.max(elapsed, 1) : undefined;
      await this.#try(() => closeMigration(this.#client, this.#target, this.#migration, rate));
      if (this.#moved >= batchLimits.first) await analyzeJournal(this.#client, this.#target);
      task.done(describePace(this.#moved, this.#moved, elapsed));
      return this.#moved;
    } catch (error) {
      task.failed(`after ${this.#moved} rows`);
      throw error;
    }
  }

  /** Walks until nothing is left: first past rows that others have locked, then waiting for them. */
  async #walk(walk: Walk, report: (total: number) => void): Promise<void> {
    let left = await this.#count(walk);
    for (let locks = walk.first; left > 0; locks = "wait") {
      const before = this.#moved;
      const total = before + left;
      await this.#pass(walk, locks, () => report(total));
      const next = await this.#count(walk);
      if (locks === "wait" && next >= left && this.#moved === before) {
        await this.#skipOrRefuse(walk, await this.#left(walk, null, next), unchanged);
        left = await this.#count(walk);
      } else left = next;
    }
  }

  async #pass(walk: Walk, locks: RowLocks, report: () => void): Promise<void> {
    let after: string | null = null;
    const batches = new LockedBatches(
      this.#client,
      locks,
      (options) => walk.batch(this.#target, this.#migration, options),
      this.#target.triggersAfter ? (moved) => this.#verify(moved) : undefined,
    );
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const began = performance.now();
      const row = await this.#batchAt(walk, batches, after);
      if (!row) continue;
      await this.#judge(row);
      if (row.moved.length > 0) {
        this.#moved += row.moved.length;
        this.#options.onMoved?.(row.moved);
      }
      if (row.last === null) return batches.end();
      report();
      after = row.last;
      this.#batch = nextBatch(this.#batch, performance.now() - began, this.#most);
      await this.#rest(throttleDelay(this.#moved, this.#elapsed(), this.#request.rowsPerSecond));
    }
  }

  /**
   * One batch; undefined where a row of it fails: the next try takes fewer rows, until it is known which row that is, and that
   * one is skipped or told.
   */
  async #batchAt(walk: Walk, batches: LockedBatches, after: string | null): Promise<BatchRow | undefined> {
    const single = this.#batch === 1;
    try {
      return await this.#try(() => (single ? batches.one(after) : batches.run({ after, limit: this.#batch })));
    } catch (error) {
      const why = rowFailure(error);
      if (why === undefined) throw error;
      await batches.end();
      if (single) await this.#skipOrRefuse(walk, await this.#left(walk, after, 1), why);
      this.#batch = single ? batchLimits.first : Math.max(1, Math.floor(this.#batch / 4));
      return undefined;
    }
  }

  /** Throws where a row of the batch does not hold what was written, before its transaction ends. */
  async #verify(moved: readonly string[]): Promise<void> {
    const { table, id, idType, proxy, proxyType } = this.#target;
    const { direction, from, to } = this.#migration;
    await this.#client.query("SET CONSTRAINTS ALL IMMEDIATE");
    const { rowCount } = await this.#client.query(
      `SELECT FROM unnest($1::text[]) moved (id) JOIN ${table} v ON v.${id} = moved.id::${idType}
        WHERE v.${proxy} IS DISTINCT FROM $2::text::${proxyType} LIMIT 1`,
      [moved, direction === "forward" ? to : from],
    );
    if (rowCount !== 0) throw new UndoneRow();
  }

  async #left({ kind }: Walk, after: string | null, limit: number): Promise<readonly string[]> {
    const { text, values } = leftRows(kind, this.#target, this.#migration, { after, limit });
    return (await this.#client.query<{ id: string }>(text, [...values])).rows.map(({ id }) => id);
  }

  /** Skips rows that cannot be changed, or ends the run with the sentence that names them. */
  async #skipOrRefuse({ kind }: Walk, rows: readonly string[], why: string): Promise<void> {
    const { name, from, to, direction } = this.#request;
    const one = rows.length === 1;
    const shown = rows.slice(0, 5).join(", ") + (rows.length > 5 ? ` and ${rows.length - 5} more` : "");
    const which = `${one ? "row" : `${rows.length} rows`} ${shown} of ${this.#target.table}`;
    if (!this.#options.skipFailing) {
      const command = direction === "forward" ? `forward --id ${from} --to ${to}` : `revert --id ${to} --to ${from}`;
      throw refuse("migration.row-refused", {
        name,
        which,
        why,
        moved: this.#moved,
        them: one ? "it" : "them",
        command,
      });
    }
    const { text, values } = skipRows(kind, this.#target, this.#migration, rows);
    await this.#client.query(text, [...values]);
    this.#options.progress.note(`migration ${name}: skipped ${which}: ${why}`);
  }

  /** Tells why a batch did not want to move anything. */
  async #judge({ live, goal }: BatchRow): Promise<void> {
    const { name } = this.#request;
    if (!live) {
      if (this.#migration.direction === "forward")
        await requireNotTakenBack(this.#client, this.#target, this.#migration);
      const { rows } = await this.#client.query<{ paused: boolean }>(
        `SELECT paused_at IS NOT NULL AS paused FROM ${this.#target.journal}.zoo_migration
          WHERE id = $1 AND direction = $2 AND generation = $3`,
        [this.#migration.id, this.#migration.direction, this.#migration.generation],
      );
      throw rows[0]?.paused
        ? refuse("migration.held", { name, moved: this.#moved, id: this.#migration.id })
        : refuse("migration.turned-round", { name, moved: this.#moved });
    }
    if (!goal) {
      const { direction, from, to } = this.#migration;
      const version = direction === "forward" ? to : from;
      throw refuse("migration.goal-gone", {
        name,
        version,
        is: this.#target.served === undefined ? "does not exist" : "does not exist or is not served",
        table: this.#target.table,
        moved: this.#moved,
      });
    }
  }

  /** Runs one statement, again after failures that pass. */
  async #try<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        const state = sqlState(error);
        const next = afterFailure(state, tries, this.#batch);
        if (next === "fail") throw await this.#told(error, state);
        this.#batch = next.batch;
        this.#options.progress.note(`migration ${this.#request.name}: ${messageOf(error)}; trying again`);
        await this.#rest(next.retryAfterMs);
      }
    }
  }

  async #told(error: unknown, state: string | undefined): Promise<unknown> {
    const { name } = this.#request;
    const again = "run the same again and it goes on from there";
    if (state === "55P03" || state === "40P01") {
      return refuse(
        "migration.locked",
        { name, table: this.#target.table, reason: messageOf(error), moved: this.#moved, again },
        error,
      );
    }
    const connected = await this.#client.query("SELECT 1").then(
      () => true,
      () => false,
    );
    if (connected) {
      return rowFailure(error) === undefined
        ? toldFailure(error, `migration ${name}: ${this.#target.table}, after ${this.#moved} rows`)
        : error;
    }
    return refuse("migration.connection-lost", { name, moved: this.#moved, reason: messageOf(error), again }, error);
  }

  async #count({ count }: Walk): Promise<number> {
    const { text, values } = count(this.#target, this.#migration);
    return this.#try(async () => (await this.#client.query<{ rows: number }>(text, [...values])).rows[0]?.rows ?? 0);
  }

  async #rest(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, this.#options.signal ? { signal: this.#options.signal } : {});
  }

  #elapsed(): number {
    return performance.now() - this.#startedAt;
  }
}
