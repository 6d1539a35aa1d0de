import type { ClientBase } from "pg";
import { messageOf, OperatorError } from "../../../domain/errors.ts";
import { roles } from "../../../domain/platformDatabase.ts";
import { quoteIdentifier } from "../identifier.ts";
import { withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import { refuse } from "./refusals.ts";
import { qualified } from "./relations.ts";
import { searchPath } from "./searchPath.ts";
import type { SeedingRun } from "./seedingRun.ts";
import { type CopySource, readSources } from "./sources.ts";

/** A second or so of work: what a killed run does again at most, for each worker. */
const usualBlocksPerChunk = 4096;

interface Chunk {
  readonly source: CopySource;
  readonly first: number;
  readonly end: number;
}

/**
 * Copies the rows of every table that is seeded by copy, as they are in one snapshot of the whole database, by several workers
 * inside the server. Each range of blocks is one transaction with its row in the journal: a run that was killed goes on with the
 * ranges that are missing.
 * @param coordinator a client in no transaction; it holds the snapshot meanwhile.
 */
export async function copyTables(coordinator: ClientBase, run: SeedingRun): Promise<void> {
  await inTransaction(
    coordinator,
    async () => {
      const { rows } = await coordinator.query<{ snapshot: string; horizon: string }>(
        "SELECT pg_export_snapshot() AS snapshot, pg_snapshot_xmin(pg_current_snapshot())::text AS horizon",
      );
      const { snapshot = "", horizon = "" } = rows[0] ?? {};
      const sources = await readSources(coordinator, run);
      const chunks = missingChunks(sources, run.blocksPerChunk ?? usualBlocksPerChunk);
      const report = seedingProgress(run, sources, chunks);
      await eachInParallel(run, chunks, async (client, chunk) => {
        const copied = await copyChunk(client, run, chunk, snapshot, horizon);
        report.add(chunk.end - chunk.first, copied);
      }).catch((error: unknown) => {
        report.failed();
        throw error;
      });
      report.done();
    },
    { readOnly: true },
  );
}

/** Runs `work` on every item, by so many clients at once, each acting as the owner of the states. */
export async function eachInParallel<Item>(
  { server, database, parallel, signal }: SeedingRun,
  items: readonly Item[],
  work: (client: ClientBase, item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  let failed = false;
  const worker = (): Promise<void> =>
    withClient(server, database, async (client) => {
      await actAs(client, roles.state);
      // Policies that would hide rows are an error, not fewer rows.
      await client.query("SET row_security = off");
      // So that the server notices within a second when we are killed in the middle of a statement.
      await client.query("SET client_connection_check_interval = '1s'");
      for (let item = queue.shift(); item !== undefined && !failed; item = queue.shift()) {
        signal?.throwIfAborted();
        await work(client, item);
      }
    }).catch((error: unknown) => {
      failed = true;
      throw error;
    });
  const workers = Array.from({ length: Math.min(parallel, items.length) }, worker);
  const results = await Promise.allSettled(workers);
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}

/**
 * Keeps the row of the attempt locked until the transaction's end: the next run waits for it before it begins, and what
 * belongs to an earlier attempt is refused.
 */
export async function requireAttempt(client: ClientBase, { schema, attempt, tag }: SeedingRun): Promise<void> {
  const { rowCount } = await client.query(
    "SELECT FROM menagerie.release_schema WHERE name = $1 AND attempt = $2 FOR SHARE",
    [schema, attempt],
  );
  if (rowCount !== 1) throw refuse("state.taken-over", { tag });
}

async function copyChunk(
  client: ClientBase,
  run: SeedingRun,
  { source, first, end }: Chunk,
  snapshot: string,
  horizon: string,
): Promise<number> {
  const { table, from, base, columns } = source;
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
  const values = columns.map(({ value }) => value).join(", ");
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  try {
    await client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
    await requireAttempt(client, run);
    await client.query(`SET LOCAL search_path TO ${searchPath(run.schema)}`);
    const { rowCount } = await client.query(
      `INSERT INTO ${qualified(run.schema, table)} (${list}) OVERRIDING SYSTEM VALUE
       SELECT ${values} FROM ONLY ${qualified(from, base)} AS ${quoteIdentifier(table)}
        WHERE ${quoteIdentifier(table)}.ctid >= '(${first},0)' AND ${quoteIdentifier(table)}.ctid < '(${end},0)'`,
    );
    await client.query(
      `INSERT INTO menagerie.release_chunk (schema_name, table_name, first_block, end_block, horizon, base_file, copied_rows)
       VALUES ($1, $2, $3, $4, $5::text::xid8, $6, $7)`,
      [run.schema, base, first, end, horizon, source.file, rowCount ?? 0],
    );
    await client.query("COMMIT");
    return rowCount ?? 0;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    if (error instanceof OperatorError) throw error;
    throw refuse("state.not-seeded", { tag: run.tag, table, from, reason: messageOf(error) }, error);
  }
}

/** The ranges that no run has copied yet, of the largest table first, so that the last worker does not end alone. */
function missingChunks(sources: readonly CopySource[], blocksPerChunk: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (const source of [...sources].sort((a, b) => b.blocks - a.blocks)) {
    const add = (from: number, to: number): void => {
      for (let first = from; first < to; first += blocksPerChunk) {
        chunks.push({ source, first, end: Math.min(first + blocksPerChunk, to) });
      }
    };
    let at = 0;
    for (const done of source.done) {
      add(at, done.first);
      at = done.end;
    }
    add(at, source.blocks);
  }
  return chunks;
}

function seedingProgress(run: SeedingRun, sources: readonly CopySource[], chunks: readonly Chunk[]) {
  const began = performance.now();
  const task = run.progress.begin(`state ${run.tag}`);
  const blocks = chunks.reduce((sum, { first, end }) => sum + end - first, 0);
  const before = sources.flatMap(({ done }) => done).reduce((sum, { rows }) => sum + rows, 0);
  let copiedBlocks = 0;
  let copiedRows = 0;
  const rate = (): string => {
    const seconds = Math.max(0.001, (performance.now() - began) / 1000);
    return `${(before + copiedRows).toLocaleString("en")} rows, ${Math.round(copiedRows / seconds).toLocaleString("en")} rows/s`;
  };
  return {
    add(doneBlocks: number, rows: number): void {
      copiedBlocks += doneBlocks;
      copiedRows += rows;
      const seconds = (performance.now() - began) / 1000;
      const left = Math.ceil((seconds * (blocks - copiedBlocks)) / copiedBlocks);
      task.update(`${Math.floor((100 * copiedBlocks) / blocks)} %, ${rate()}, ${left} s left`);
    },
    done: () => task.done(rate()),
    failed: () => task.failed(rate()),
  };
}
