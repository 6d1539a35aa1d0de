import type { ClientBase } from "pg";
import { roles } from "../../../domain/platformDatabase.ts";
import { withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import { type CopiedColumn, copiedColumns } from "./copiedColumns.ts";
import { refuse } from "./refusals.ts";
import { qualified, relationOf, storedIn } from "./relations.ts";
import type { SeedingRun } from "./seedingRun.ts";
import { setIndexesAside } from "./setAside.ts";

/** A table that is copied, as it is in the snapshot of the run: of a partitioned one, each of its partitions. */
export interface CopySource {
  /** Table that the rows go to. */
  readonly table: string;
  readonly from: string;
  /** Table that has them in `from`: the same, or one of its partitions. */
  readonly base: string;
  /** Columns that are filled, without those that PostgreSQL computes. */
  readonly columns: readonly CopiedColumn[];
  /** Number of its file, which changes when it is rewritten. */
  readonly file: string;
  /** Size in blocks of 8 KiB. */
  readonly blocks: number;
  /** Ranges that an earlier run copied and that have not changed since, in their order. */
  readonly done: readonly DoneRange[];
}

interface DoneRange {
  readonly first: number;
  readonly end: number;
  readonly rows: number;
}

interface CopyRow {
  readonly table: string;
  readonly from: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** Reads what is to be copied. `coordinator` is in the transaction whose snapshot the run copies. */
export async function readSources(coordinator: ClientBase, run: SeedingRun): Promise<CopySource[]> {
  const { rows } = await coordinator.query<CopyRow>(
    `SELECT name AS "table", base_schema AS "from", columns FROM menagerie.release_table
      WHERE schema_name = $1 AND seed = 'copy' AND base_schema IS NOT NULL ORDER BY name`,
    [run.schema],
  );
  const sources: CopySource[] = [];
  for (const row of rows) sources.push(...(await readTable(coordinator, run, row)));
  return sources;
}

async function readTable(coordinator: ClientBase, run: SeedingRun, row: CopyRow): Promise<CopySource[]> {
  const { table, from } = row;
  // Its rows come by way of the table that it is a partition of, which may divide them otherwise than before.
  if ((await relationOf(coordinator, run.schema, table))?.partition) return [];
  const columns = await copiedColumns(coordinator, { ...row, schema: run.schema });
  const sources: CopySource[] = [];
  let valid = true;
  for (const base of await storedIn(coordinator, from, table)) {
    const found = await readBase(coordinator, run, from, base);
    valid &&= found.unchanged;
    sources.push({ table, from, base, columns, file: found.file, blocks: found.blocks, done: found.done });
  }
  if (valid) return sources;
  await beginAgain(
    run,
    table,
    sources.map(({ base }) => base),
  );
  return sources.map((source) => ({ ...source, done: [] }));
}

async function readBase(coordinator: ClientBase, run: SeedingRun, from: string, base: string) {
  const { rows } = await coordinator.query<{ file: string; blocks: string }>(
    `SELECT pg_relation_filenode(c.oid)::text AS file, pg_relation_size(c.oid) / current_setting('block_size')::bigint AS blocks
       FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [qualified(from, base)],
  );
  const [stored] = rows;
  if (!stored) {
    throw refuse("state.source-gone", { tag: run.tag, base, from });
  }
  const done = await copiedRanges(coordinator, run.schema, base);
  const inFile = done.every(({ file }) => file === stored.file);
  const unchanged = inFile && (await allUnchanged(coordinator, qualified(from, base), done));
  return { file: stored.file, blocks: Number(stored.blocks), done, unchanged };
}

interface CopiedRange extends DoneRange {
  readonly horizon: string;
  readonly file: string;
}

async function copiedRanges(client: ClientBase, schema: string, table: string): Promise<CopiedRange[]> {
  const { rows } = await client.query<Record<"first" | "end" | "rows" | "horizon" | "file", string>>(
    `SELECT first_block AS first, end_block AS end, copied_rows AS rows, horizon::text AS horizon, base_file AS file
       FROM menagerie.release_chunk WHERE schema_name = $1 AND table_name = $2 ORDER BY first_block`,
    [schema, table],
  );
  return rows.map(({ first, end, rows, horizon, file }) => ({
    first: Number(first),
    end: Number(end),
    rows: Number(rows),
    horizon,
    file,
  }));
}

/**
 * Whether the copied ranges hold the same rows in this snapshot as in the earlier one that they were copied in. They do where
 * every row is of a transaction that was over by then, so that none was added or changed, and as many are there as were copied,
 * so that none was deleted. Rows stay where they are unless the table is rewritten, which gives it another file.
 */
async function allUnchanged(client: ClientBase, base: string, ranges: readonly CopiedRange[]): Promise<boolean> {
  for (const { first, end, rows, horizon } of ranges) {
    const found = await client.query<{ rows: string; newer: string }>(
      `SELECT count(*) AS rows, count(*) FILTER (WHERE age(xmin) <= age($1::text::xid8::xid)) AS newer
         FROM ONLY ${base} WHERE ctid >= '(${first},0)' AND ctid < '(${end},0)'`,
      [horizon],
    );
    if (Number(found.rows[0]?.rows) !== rows || found.rows[0]?.newer !== "0") return false;
  }
  return true;
}

/** By another connection: the coordinator's transaction must not see it, or the workers could not share its snapshot. */
function beginAgain({ server, database, schema }: SeedingRun, table: string, bases: readonly string[]): Promise<void> {
  return withClient(server, database, async (client) => {
    await actAs(client, roles.state);
    await inTransaction(client, async () => {
      await client.query(`TRUNCATE ${qualified(schema, table)}`);
      await client.query("DELETE FROM menagerie.release_chunk WHERE schema_name = $1 AND table_name = ANY ($2)", [
        schema,
        bases,
      ]);
      // Of one that is divided, what acts on its partitions too.
      const parts = new Set([table, ...(await storedIn(client, schema, table))]);
      const { rows: finished } = await client.query<{ name: string }>(
        "SELECT name FROM menagerie.release_table WHERE schema_name = $1 AND name = ANY ($2) AND seeded_rows IS NOT NULL",
        [schema, [...parts]],
      );
      for (const { name } of finished) {
        await client.query(
          "UPDATE menagerie.release_table SET seeded_rows = NULL, set_aside = $3 WHERE schema_name = $1 AND name = $2",
          [schema, name, JSON.stringify(await setIndexesAside(client, schema, name))],
        );
      }
    });
  });
}
