import type { ClientBase } from "pg";
import { quoteIdentifier } from "../identifier.ts";
import { columnsOf, qualified } from "./relations.ts";

/** Where a sequence stands: its last value, and whether it was given out. */
export type Position = [last: string, called: boolean];

/** The sequences of a schema by name, with the column that each belongs to. */
export async function sequencesOf(
  client: ClientBase,
  schema: string,
): Promise<{ name: string; table: string | null; column: string | null }[]> {
  const { rows } = await client.query<{ name: string; table: string | null; column: string | null }>(
    `SELECT s.relname AS name, t.relname AS table, a.attname AS column
       FROM pg_class s
       LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass
                            AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
       LEFT JOIN pg_class t ON t.oid = d.refobjid
       LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
      WHERE s.relnamespace = $1::regnamespace AND s.relkind = 'S' ORDER BY 1`,
    [quoteIdentifier(schema)],
  );
  return rows;
}

export async function positionOf(client: ClientBase, schema: string, sequence: string): Promise<Position> {
  const { rows } = await client.query<{ last: string; called: boolean }>(
    `SELECT last_value::text AS last, is_called AS called FROM ${qualified(schema, sequence)}`,
  );
  return [rows[0]?.last ?? "1", rows[0]?.called ?? false];
}

export async function setPosition(
  client: ClientBase,
  schema: string,
  sequence: string,
  [last, called]: Position,
): Promise<void> {
  await client.query("SELECT setval($1::regclass, $2, $3)", [qualified(schema, sequence), last, called]);
}

/**
 * Lets the sequences of a schema go on where those of the release before stand: those of copied tables' columns by their column,
 * and those of no column by their name. A column that had none before goes on behind its highest number.
 * @param copied - schema that each table was copied from, by its name
 */
export async function continueSequences(
  client: ClientBase,
  schema: string,
  before: string | null,
  copied: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { name, table, column } of await sequencesOf(client, schema)) {
    const from = table === null ? before : copied.get(table);
    if (!from) continue;
    const others = await sequencesOf(client, from);
    const base = others.find((each) =>
      table === null ? each.table === null && each.name === name : each.table === table && each.column === column,
    );
    if (base) {
      await setPosition(client, schema, name, await positionOf(client, from, base.name));
    } else if (table !== null && column !== null) {
      const { rows } = await client.query<{ highest: string | null }>(
        `SELECT max(${quoteIdentifier(column)})::text AS highest FROM ${qualified(schema, table)}`,
      );
      const highest = rows[0]?.highest ?? null;
      if (highest !== null && BigInt(highest) > 0n) await setPosition(client, schema, name, [highest, true]);
    }
  }
}

/** Fills the materialized views of a schema from its tables, each after those that it reads. */
export async function refreshViews(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `WITH RECURSIVE uses AS (
       SELECT DISTINCT w.ev_class AS view, d.refobjid AS used
         FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                                           AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
         JOIN pg_class v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm') AND v.relnamespace = $1::regnamespace),
     below AS (
       SELECT view, used, 1 AS depth FROM uses
       UNION SELECT b.view, u.used, b.depth + 1 FROM below b JOIN uses u ON u.view = b.used)
     SELECT c.relname AS name FROM pg_class c LEFT JOIN below b ON b.view = c.oid
      WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'm' GROUP BY c.relname ORDER BY coalesce(max(depth), 0), 1`,
    [quoteIdentifier(schema)],
  );
  for (const { name } of rows) await client.query(`REFRESH MATERIALIZED VIEW ${qualified(schema, name)}`);
}

/** Takes out what the SQL files put into tables that get their rows from elsewhere. Answers the tables that had some. */
export async function withoutRowsOfFiles(
  client: ClientBase,
  schema: string,
  tables: readonly string[],
): Promise<string[]> {
  const filled: string[] = [];
  for (const table of tables) {
    const { rows } = await client.query<{ any: boolean }>(
      `SELECT EXISTS (SELECT FROM ${qualified(schema, table)}) AS any`,
    );
    if (rows[0]?.any) filled.push(table);
  }
  if (filled.length > 0) {
    await client.query(`TRUNCATE ${filled.map((table) => qualified(schema, table)).join(", ")} CONTINUE IDENTITY`);
  }
  return filled;
}

/** Columns that rows are written with and read by. */
export async function storedColumns(client: ClientBase, schema: string, table: string): Promise<string[]> {
  return (await columnsOf(client, schema, table)).filter(({ generated }) => !generated).map(({ name }) => name);
}
