import type { ClientBase } from "pg";
import { badInput, OperatorError } from "../../../domain/errors.ts";
import { roles } from "../../../domain/platformDatabase.ts";
import { withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import type { SeedingRun } from "./copy.ts";
import { columnsOf, qualified } from "./relations.ts";
import { setIndexesAside } from "./setAside.ts";

/** A table that is copied, as it is in the snapshot of the run. */
export interface CopySource {
  readonly table: string;
  readonly from: string;
  /** Columns that both have, without those that PostgreSQL computes. */
  readonly columns: readonly string[];
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
}

/** Reads what is to be copied. `coordinator` is in the transaction whose snapshot the run copies. */
export async function readSources(coordinator: ClientBase, run: SeedingRun): Promise<CopySource[]> {
  const { rows } = await coordinator.query<CopyRow>(
    `SELECT name AS "table", base_schema AS "from" FROM menagerie.release_table
      WHERE schema_name = $1 AND seed = 'copy' AND base_schema IS NOT NULL ORDER BY name`,
    [run.schema],
  );
  const sources: CopySource[] = [];
  for (const row of rows) sources.push(await readSource(coordinator, run, row));
  return sources;
}

async function readSource(coordinator: ClientBase, run: SeedingRun, { table, from }: CopyRow): Promise<CopySource> {
  const { rows } = await coordinator.query<{ file: string; blocks: string }>(
    `SELECT pg_relation_filenode(c.oid)::text AS file, pg_relation_size(c.oid) / current_setting('block_size')::bigint AS blocks
       FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [qualified(from, table)],
  );
  const base = rows[0];
  if (!base) {
    throw new OperatorError(
      `state of release ${run.tag}: table "${table}" of release schema "${from}" is gone; run \`up\` again`,
    );
  }
  const columns = await copiedColumns(coordinator, run, table, from);
  const done = await copiedRanges(coordinator, run.schema, table);
  const inFile = done.every(({ file }) => file === base.file);
  const valid = inFile && (await allUnchanged(coordinator, qualified(from, table), done));
  if (!valid) await beginAgain(run, table);
  return { table, from, columns, file: base.file, blocks: Number(base.blocks), done: valid ? done : [] };
}

async function copiedColumns(client: ClientBase, run: SeedingRun, table: string, from: string): Promise<string[]> {
  const own = (await columnsOf(client, run.schema, table)).filter(({ generated }) => !generated);
  const base = new Set((await columnsOf(client, from, table)).map(({ name }) => name));
  const shared = own.map(({ name }) => name).filter((name) => base.has(name));
  if (shared.length === 0) {
    throw badInput(
      `menagerie:state.tables["${table}"].seed: "copy" is not possible, for release schema "${from}" has none of its columns; use empty`,
    );
  }
  return shared;
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
    ...{ first: Number(first), end: Number(end), rows: Number(rows) },
    ...{ horizon, file },
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
         FROM ${base} WHERE ctid >= '(${first},0)' AND ctid < '(${end},0)'`,
      [horizon],
    );
    if (Number(found.rows[0]?.rows) !== rows || found.rows[0]?.newer !== "0") return false;
  }
  return true;
}

/** By another connection: the coordinator's transaction must not see it, or the workers could not share its snapshot. */
function beginAgain({ server, database, schema }: SeedingRun, table: string): Promise<void> {
  return withClient(server, database, async (client) => {
    await actAs(client, roles.state);
    await inTransaction(client, async () => {
      const { rowCount: finished } = await client.query(
        "SELECT FROM menagerie.release_table WHERE schema_name = $1 AND name = $2 AND seeded_rows IS NOT NULL",
        [schema, table],
      );
      await client.query(`TRUNCATE ${qualified(schema, table)}`);
      await client.query("DELETE FROM menagerie.release_chunk WHERE schema_name = $1 AND table_name = $2", [
        schema,
        table,
      ]);
      if (finished === 0) return;
      await client.query(
        "UPDATE menagerie.release_table SET seeded_rows = NULL, set_aside = $3 WHERE schema_name = $1 AND name = $2",
        [schema, table, JSON.stringify(await setIndexesAside(client, schema, table))],
      );
    });
  });
}
