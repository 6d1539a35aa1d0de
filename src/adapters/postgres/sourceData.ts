import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg, { type ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { messageOf } from "../../domain/errors.ts";
import { platformDatabase, roles, sourceSchemaName } from "../../domain/platformDatabase.ts";
import type { Progress } from "../../domain/progress.ts";
import { declaredRelations } from "../../domain/release/declaredRelations.ts";
import type { StateFile } from "../../domain/release/stateSchema.ts";
import { quoteIdentifier } from "./identifier.ts";
import { refuse } from "./releaseState/refusals.ts";
import { columnsOf, qualified } from "./releaseState/relations.ts";
import { type DatabaseServer, withClient } from "./server.ts";
import { actAs, inTransaction } from "./transaction.ts";

/** Source data to load. */
export interface SourceLoad {
  /** SQL files that declare the tables. */
  readonly files: readonly StateFile[];
  /** `<table>.csv`, or a folder of such files; undefined makes the tables only. */
  readonly from: string | undefined;
  readonly progress: Progress;
}

/**
 * Makes the tables of schema `source` that are missing, readable by pipelines, and replaces the rows of those that a CSV file is
 * given for: all of it in one transaction. The first line of a file names its columns. Answers the rows by loaded table.
 */
export function loadSource(server: DatabaseServer, load: SourceLoad): Promise<Record<string, number>> {
  return withClient(server, platformDatabase, async (client) => {
    const csv = load.from === undefined ? [] : await csvFiles(load.from);
    const rows: Record<string, number> = {};
    await inTransaction(client, async () => {
      await makeTables(client, load.files);
      const loaded = await inOrder(client, csv);
      await emptyTables(client, loaded);
      for (const { table, file } of loaded) rows[table] = await loadCsv(client, table, file, load.progress);
    });
    return rows;
  });
}

async function makeTables(client: ClientBase, files: readonly StateFile[]): Promise<void> {
  const schema = quoteIdentifier(sourceSchemaName);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${roles.state}`);
  await actAs(client, roles.state);
  await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${roles.pipeline}`);
  await client.query(`SET LOCAL search_path TO ${schema}, public`);
  for (const { name, sql } of files) {
    const missing: string[] = [];
    const { tables } = declaredRelations(sql);
    for (const table of tables)
      if ((await columnsOf(client, sourceSchemaName, table)).length === 0) missing.push(table);
    if (missing.length === 0 && tables.length > 0) continue;
    if (missing.length < tables.length) {
      throw refuse("data.table-missing", { name, table: missing[0] ?? "" });
    }
    await client.query(sql).catch((error: unknown) => {
      throw refuse("data.sql-refused", { name, reason: messageOf(error) }, error);
    });
  }
  await client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${roles.pipeline}`);
}

async function csvFiles(from: string): Promise<string[]> {
  const found = await stat(from).catch((error: unknown) => {
    throw refuse("data.from-unreadable", { from, reason: messageOf(error) });
  });
  if (!found.isDirectory()) {
    if (!from.endsWith(".csv")) throw refuse("data.not-csv", { from });
    return [from];
  }
  const names = (await readdir(from)).filter((name) => name.endsWith(".csv")).sort();
  if (names.length === 0) throw refuse("data.no-csv", { from });
  return names.map((name) => join(from, name));
}

interface LoadedFile {
  readonly table: string;
  readonly file: string;
}

/** In the order that the tables were made in: one that another refers to was there first. */
async function inOrder(client: ClientBase, csv: readonly string[]): Promise<LoadedFile[]> {
  const files = new Map(csv.map((file) => [basename(file, ".csv"), file]));
  const { rows } = await client.query<{ table: string }>(
    `SELECT relname AS table FROM pg_class
      WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND relname = ANY ($2) ORDER BY oid`,
    [sourceSchemaName, [...files.keys()]],
  );
  const unknown = [...files].find(([name]) => !rows.some(({ table }) => table === name));
  if (unknown) {
    throw refuse("data.no-table", { file: unknown[1], table: unknown[0] });
  }
  return rows.map(({ table }) => ({ table, file: files.get(table) ?? "" }));
}

/** Those that are referred to last: rows of tables that are not loaded must not lose what they refer to. */
async function emptyTables(client: ClientBase, loaded: readonly LoadedFile[]): Promise<void> {
  for (const { table } of loaded.toReversed()) {
    await client.query(`DELETE FROM ${qualified(sourceSchemaName, table)}`).catch((error: unknown) => {
      throw refuse("data.tables-order", { reason: messageOf(error) }, error);
    });
  }
}

async function loadCsv(client: ClientBase, table: string, file: string, progress: Progress): Promise<number> {
  const known = (await columnsOf(client, sourceSchemaName, table)).map(({ name }) => name);
  const columns = (await headerOf(file)).map((name) => name.trim());
  const unknown = columns.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw refuse("data.no-column", { file, table, unknown: JSON.stringify(unknown), known: known.join(", ") });
  }
  const target = qualified(sourceSchemaName, table);
  const list = columns.map(quoteIdentifier).join(", ");
  const stream = client.query(copyFrom(`COPY ${target} (${list}) FROM STDIN WITH (FORMAT csv, HEADER true)`));
  const task = progress.begin(file);
  const total = (await stat(file)).size;
  let read = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      read += chunk.length;
      task.update(`${Math.floor((100 * read) / total)} %`);
      done(null, chunk);
    },
  });
  try {
    await pipeline(createReadStream(file), counting, stream);
  } catch (error) {
    task.failed();
    throw refuse("data.row-refused", { file, place: placeOf(error), reason: messageOf(error) }, error);
  }
  task.done(`${stream.rowCount} rows`);
  return stream.rowCount;
}

/** `, line 7, column "size"`: from the context that PostgreSQL gives, `COPY item, line 7, column size: "x"`. */
function placeOf(error: unknown): string {
  const where = error instanceof pg.DatabaseError ? (error.where ?? "") : "";
  const [, line, column] = /line (\d+)(?:, column (\S+):)?/.exec(where) ?? [];
  if (line === undefined) return "";
  return `, line ${line}${column === undefined ? "" : `, column "${column}"`}`;
}

/** Column names of the first line; quoted ones may hold commas, but no line ends. */
async function headerOf(file: string): Promise<string[]> {
  let text = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8", end: 65_535 })) text += chunk;
  const [line = ""] = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1);
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
    .map(([, field = ""]) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field))
    .slice(0, line === "" ? 0 : line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).length);
}
