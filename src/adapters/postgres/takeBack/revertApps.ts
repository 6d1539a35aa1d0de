import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { afterFailure, batchLimits, nextBatch } from "../../../domain/zoo/migrationPace.ts";
import { sqlState } from "../server.ts";
import { rowFailure } from "../zoo/migration/failures.ts";
import { plannerSettings } from "../zoo/migration/planner.ts";
import type { TargetApps } from "./takeBacks.ts";

/** What became of the way back. */
export interface RevertedApps {
  /** Apps that this call moved. */
  readonly moved: number;
  /** Why apps are left on the new version; undefined where none is. */
  readonly obstacle: string | undefined;
}

/** What one batch of the way back did. */
export interface RevertedBatch {
  readonly migration: string | null;
  readonly live: boolean;
  readonly goal: boolean;
  readonly picked: number;
  readonly moved: readonly string[];
  readonly last: string | null;
}

/** Apps that a take-back moves back, wherever they are. */
export interface TakenBackApps {
  /** Past rows that others have locked, unless it waits for them. */
  batch(size: number, after: string | null, waits: boolean): Promise<RevertedBatch>;
  /** How many are on the new version still, of those that the migration moved there, and the first of them after a row. */
  left(after: string | null): Promise<{ readonly count: number; readonly first: string | undefined }>;
}

export interface RevertOptions {
  /** Ends the call after the batch under way; the next one goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** @default as many as a tenth of a second moves */
  readonly batchRows?: number | undefined;
  /** Called after each batch, once it is committed. */
  readonly onBatch?: ((moved: readonly string[]) => void) | undefined;
}

/**
 * Moves the apps back that the migration of an open take-back moved forward, in short transactions, each with its journal: first past
 * rows that others have locked, then waiting for them. Ended at any point, the same again goes on from there. Rows that cannot be changed
 * stay where they are, and are named.
 */
export async function revertApps(
  client: ClientBase,
  apps: TakenBackApps,
  { signal, batchRows = batchLimits.most, onBatch }: RevertOptions = {},
): Promise<RevertedApps> {
  await client.query(`${plannerSettings}; SET lock_timeout = '1s'; SET statement_timeout = '60s'`);
  const failing: string[] = [];
  let moved = 0;
  let size = Math.min(batchLimits.first, batchRows);
  for (const waits of [false, true]) {
    let after: string | null = null;
    for (let tries = 1; ; ) {
      signal?.throwIfAborted();
      const began = performance.now();
      const batch: RevertedBatch | "again" = await apps.batch(size, after, waits).catch(async (error) => {
        const why = rowFailure(error);
        if (why !== undefined) {
          if (size > 1) {
            size = Math.max(1, Math.floor(size / 4));
            return "again" as const;
          }
          const { first: row } = await apps.left(after);
          if (row === undefined) throw error;
          failing.push(`${row}: ${why}`);
          after = row;
          size = Math.min(batchLimits.first, batchRows);
          return "again" as const;
        }
        const next = afterFailure(sqlState(error), tries, size);
        if (next === "fail") throw error;
        tries += 1;
        size = next.batch;
        await sleep(next.retryAfterMs, undefined, signal ? { signal } : {});
        return "again" as const;
      });
      if (batch === "again") continue;
      tries = 1;
      if (batch.migration === null) return { moved, obstacle: undefined };
      if (!batch.live) return { moved, obstacle: `migration ${batch.migration} is held by hand` };
      if (!batch.goal) return { moved, obstacle: "the old version is not served" };
      moved += batch.moved.length;
      onBatch?.(batch.moved);
      if (batch.last === null) break;
      after = batch.last;
      size = nextBatch(size, performance.now() - began, batchRows);
    }
    // What the first pass could not change is tried once more by the second, which says so.
    if (!waits) failing.length = 0;
  }
  const { count: left } = await apps.left(null);
  if (left === 0) return { moved, obstacle: undefined };
  const named = failing[0] ?? "they do not change when they are updated";
  return { moved, obstacle: `${left === 1 ? "1 app stays" : `${left} apps stay`} on the new version: ${named}` };
}

/** Those of the platform's tables. */
export function platformApps(client: ClientBase, takeBack: string): TakenBackApps {
  return {
    async batch(size, after, waits) {
      const { rows } = await client.query<RevertedBatch>("SELECT * FROM menagerie.revert_taken_back($1, $2, $3, $4)", [
        takeBack,
        size,
        after,
        waits,
      ]);
      return answered(rows[0], takeBack);
    },
    async left(after) {
      const { rows } = await client.query<{ count: number; first: string | null }>(
        `SELECT count(*)::integer AS count, min(j.row_id) AS first
           FROM menagerie.zoo_migration_row j
           JOIN menagerie.zoo_migration m ON m.id = j.migration_id AND m.target = '"menagerie"."model_version"'
           JOIN menagerie.take_back t ON m.from_id = t.from_version_id::text AND m.to_id = t.to_version_id::text
          WHERE t.id = $1 AND j.state = 'forward' AND j.row_id > $2`,
        [takeBack, after ?? ""],
      );
      const { count, first } = answered(rows[0], takeBack);
      return { count, first: first ?? undefined };
    },
  };
}

/**
 * Those of an existing database, by the function that `installGuard` made there. Whatever it is asked, the take-back is written down
 * there first, so that nothing of it goes forward any more.
 *
 * @param client - of that database, by the guard's login
 * @param state - what refusals there say of it
 */
export function existingApps(
  client: ClientBase,
  { id, table, from, to }: TargetApps & { readonly id: string },
  state: string,
): TakenBackApps & {
  /** Holds what goes forward. */
  hold(): Promise<void>;
} {
  const call = async (size: number | null, after: string | null, waits: boolean): Promise<RevertedBatch> => {
    const { rows } = await client.query<RevertedBatch>(
      "SELECT * FROM menagerie_migrations.revert_taken_back($1, $2, $3, $4, $5, $6, $7, $8)",
      [id, state, table, from, to, size, after, waits],
    );
    return answered(rows[0], id);
  };
  return {
    batch: call,
    async left(after) {
      const { picked, last } = await call(null, after, false);
      return { count: picked, first: last ?? undefined };
    },
    async hold() {
      await call(0, null, false);
    },
  };
}

function answered<Row>(row: Row | undefined, takeBack: string): Row {
  if (!row) throw new Error(`the batch of take-back ${takeBack} was not answered`);
  return row;
}
