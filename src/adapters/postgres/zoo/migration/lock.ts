import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import type { Progress } from "../../../../domain/progress.ts";
import type { MigrationTarget } from "./target.ts";

/** How often a lock that another run holds is tried, in milliseconds. */
const retryEvery = 500;

/**
 * Runs `work` while no other run concerns one of the two versions, so that a forward and a revert, or two links of a chain,
 * do not chase each other. The lock is the connection's: it ends with it. Correctness does not hang on it, as every batch
 * checks for itself what is wanted; behind a pooler that shares connections, runs merely share the work.
 */
export async function locked<T>(
  client: ClientBase,
  { table }: MigrationTarget,
  { from, to }: { readonly from: string; readonly to: string },
  { progress, signal }: { readonly progress: Progress; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  // In one order, so that two runs never wait for each other.
  const keys = [from, to].sort().map((version) => `menagerie.zoo_migration ${table} ${version}`);
  const held: string[] = [];
  try {
    for (const key of keys) {
      await take(client, key, progress, signal);
      held.push(key);
    }
    return await work();
  } finally {
    // A connection that is gone has let go already.
    for (const key of held) {
      await client.query("SELECT pg_advisory_unlock(hashtextextended($1, 0))", [key]).catch(() => {});
    }
  }
}

async function take(client: ClientBase, key: string, progress: Progress, signal?: AbortSignal): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    signal?.throwIfAborted();
    const { rows } = await client.query<{ taken: boolean }>(
      "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken",
      [key],
    );
    if (rows[0]?.taken) return;
    if (tries === 0) progress.note("another run moves rows of the same versions; waiting until it ends");
    await sleep(retryEvery, undefined, signal ? { signal } : {});
  }
}
