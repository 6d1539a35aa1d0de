import type { ClientBase } from "pg";
import { messageOf } from "../../../domain/errors.ts";
import { declaredRelations } from "../../../domain/release/declaredRelations.ts";
import type { StateFile, StateTable } from "../../../domain/release/stateSchema.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "./refusals.ts";
import { columnsOf, outsideObjects } from "./relations.ts";
import { searchPath } from "./searchPath.ts";

/** A schema to make state tables in. */
export interface Declaration {
  readonly tag: string;
  readonly schema: string;
  readonly files: readonly StateFile[];
  readonly tables: readonly StateTable[];
}

/**
 * Runs the SQL files in the schema, which is empty, and makes views in place of the tables that are seeded as such. To be
 * called in a transaction, as the role that owns the schema.
 */
export async function declareTables(client: ClientBase, declaration: Declaration): Promise<void> {
  const { schema, tables } = declaration;
  const before = new Set(await outsideObjects(client, schema));
  await runFiles(client, schema, declaration.files);
  const made = (await outsideObjects(client, schema)).find((each) => !before.has(each));
  if (made !== undefined) {
    throw refuse("state.made-outside", { tag: declaration.tag, object: made });
  }
  await requireDeclared(client, declaration);
  for (const { name, seed, from } of tables) {
    if (seed === "view" && from !== null) await makeView(client, schema, name, from);
  }
}

async function runFiles(client: ClientBase, schema: string, files: readonly StateFile[]): Promise<void> {
  await client.query(`SET LOCAL search_path TO ${searchPath(schema)}`);
  const transaction = async () => (await client.query("SELECT pg_current_xact_id()::text AS id")).rows[0]?.id;
  const before = await transaction();
  for (const { name, sql } of files) {
    const { extensions, outside, endsTransaction } = declaredRelations(sql);
    if (endsTransaction) throw refuse("state.ends-transaction", { file: name });
    if (extensions[0] !== undefined) {
      throw refuse("state.extension", { name, extension: extensions[0] });
    }
    if (outside[0] !== undefined) {
      throw refuse("state.outside", { name, object: outside[0] });
    }
    try {
      await client.query(sql);
    } catch (error) {
      throw refuse("state.sql-refused", { name, reason: messageOf(error) }, error);
    }
    if ((await transaction()) !== before) {
      throw refuse("state.ends-transaction", { file: name });
    }
  }
}

interface Made {
  readonly name: string;
  /** pg_class.relkind */
  readonly kind: string;
  /** Whether it has rows of other tables, or others have its own, but not as partitions. */
  readonly inherits: boolean;
  readonly forced: boolean;
  /** A column whose values name something outside of the table, with its type. */
  readonly reference: string | null;
}

async function requireDeclared(client: ClientBase, { tag, schema, tables }: Declaration): Promise<void> {
  const { rows } = await client.query<Made>(
    `SELECT c.relname AS name, c.relkind AS kind, c.relforcerowsecurity AS forced,
            EXISTS (SELECT FROM pg_inherits i WHERE (i.inhrelid = c.oid AND NOT c.relispartition)
                                                 OR (i.inhparent = c.oid AND c.relkind <> 'p')) AS inherits,
            (SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
               FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND (CASE WHEN t.typelem <> 0 AND t.typcategory = 'A' THEN t.typelem WHEN t.typbasetype <> 0 THEN t.typbasetype
                          ELSE t.oid END) IN (SELECT oid FROM pg_type WHERE typname ~ '^(oid|reg[a-z]+)$' AND typtype = 'b')
              ORDER BY a.attnum LIMIT 1) AS reference
       FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p', 'f') ORDER BY c.relname`,
    [quoteIdentifier(schema)],
  );
  const foreign = rows.find(({ kind }) => kind === "f");
  if (foreign) {
    throw refuse("state.foreign-table", { tag, name: foreign.name });
  }
  const unknown = rows.find(({ name }) => !tables.some((table) => table.name === name));
  if (unknown) {
    throw refuse("state.table-not-recognized", { tag, table: unknown.name, quoted: quoteIdentifier(unknown.name) });
  }
  const missing = tables.find((table) => !rows.some(({ name }) => name === table.name));
  if (missing) throw refuse("state.table-not-made", { tag, table: missing.name });
  const copied = rows.filter(({ name }) => tables.some((table) => table.name === name && table.seed === "copy"));
  for (const { name, inherits, forced, reference } of copied) {
    const at = `menagerie:state.tables["${name}"].seed: "copy" is not possible for a table`;
    if (inherits) throw refuse("seed.inherits", { at });
    if (forced) {
      throw refuse("seed.forced-row-security", { at });
    }
    if (reference !== null) {
      throw refuse("seed.reference", { at, reference });
    }
  }
}

async function makeView(client: ClientBase, schema: string, table: string, from: string): Promise<void> {
  const at = `menagerie:state.tables["${table}"].seed: "view" is not possible`;
  const columns = await columnsOf(client, schema, table);
  const base = await columnsOf(client, from, table);
  const added = columns.find(({ name }) => !base.some((column) => column.name === name));
  if (added) {
    throw refuse("seed.view-lacks-column", { at, from, name: added.name });
  }
  const [own, other] = [schema, from].map((each) => `${quoteIdentifier(each)}.${quoteIdentifier(table)}`);
  try {
    await client.query(`DROP TABLE ${own} RESTRICT`);
  } catch (error) {
    throw refuse("seed.view-refused", { at, reason: messageOf(error) }, error);
  }
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
  await client.query(`CREATE VIEW ${own} AS SELECT ${list} FROM ${other}`);
}
