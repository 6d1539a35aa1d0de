import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { afterFailure, batchLimits, nextBatch } from "../../../domain/zoo/migrationPace.ts";
import { sqlState } from "../server.ts";
import { rowFailure } from "../zoo/migration/failures.ts";
import { plannerSettings } from "../zoo/migration/planner.ts";

/** What became of the way back. */
export interface RevertedApps {
  /** Apps that this call moved. */
  readonly moved: number;
  /** Why apps are left on the new version; undefined where none is. */
  readonly obstacle: string | undefined;
}

interface BatchRow {
  readonly migration: string | null;
  readonly live: boolean;
  readonly goal: boolean;
  readonly picked: number;
  readonly moved: readonly string[];
  readonly last: string | null;
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
  takeBack: string,
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
      const batch: BatchRow | "again" = await oneBatch(client, takeBack, size, after, waits).catch(async (error) => {
        const why = rowFailure(error);
        if (why !== undefined) {
          if (size > 1) {
            size = Math.max(1, Math.floor(size / 4));
            return "again" as const;
          }
          const row = await nextRow(client, takeBack, after);
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
  const left = await leftRows(client, takeBack);
  if (left === 0) return { moved, obstacle: undefined };
  const named = failing[0] ?? "they do not change when they are updated";
  return { moved, obstacle: `${left === 1 ? "1 app stays" : `${left} apps stay`} on the new version: ${named}` };
}

async function oneBatch(
  client: ClientBase,
  takeBack: string,
  size: number,
  after: string | null,
  waits: boolean,
): Promise<BatchRow> {
  const { rows } = await client.query<BatchRow>("SELECT * FROM menagerie.revert_taken_back($1, $2, $3, $4)", [
    takeBack,
    size,
    after,
    waits,
  ]);
  const [row] = rows;
  if (!row) throw new Error(`the batch of take-back ${takeBack} was not answered`);
  return row;
}

const journaled = `FROM menagerie.zoo_migration_row j
    JOIN menagerie.zoo_migration m ON m.id = j.migration_id AND m.target = '"menagerie"."model_version"'
    JOIN menagerie.take_back t ON m.from_id = t.from_version_id::text AND m.to_id = t.to_version_id::text
   WHERE t.id = $1 AND j.state = 'forward'`;

async function nextRow(client: ClientBase, takeBack: string, after: string | null): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string | null }>(
    `SELECT min(j.row_id) AS id ${journaled} AND j.row_id > $2`,
    [takeBack, after ?? ""],
  );
  return rows[0]?.id ?? undefined;
}

async function leftRows(client: ClientBase, takeBack: string): Promise<number> {
  const { rows } = await client.query<{ left: number }>(`SELECT count(*)::integer AS left ${journaled}`, [takeBack]);
  return rows[0]?.left ?? 0;
}
