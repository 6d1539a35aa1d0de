import type { ClientBase } from "pg";
import { quoteIdentifier } from "../identifier.ts";
import { qualified, relationOf } from "./relations.ts";

interface Definition {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

/**
 * Drops the foreign keys of a schema and answers the statements that make them again: tables can then be filled in any order
 * and at the same time. `session_replication_role` would do the same for superusers only.
 */
export async function setForeignKeysAside(client: ClientBase, schema: string): Promise<string[]> {
  const keys = await constraints(client, schema, ["f"]);
  for (const { table, name } of keys) await dropConstraint(client, schema, table, name);
  return keys.map((key) => addConstraint(schema, key));
}

/**
 * Drops what slows down the filling of a table, or would act on it: indexes, with the constraints that they stand for, and
 * triggers. Answers the statements that make it again. Foreign keys must be gone before.
 */
export async function setIndexesAside(client: ClientBase, schema: string, table: string): Promise<string[]> {
  // What partitions have in common cannot be taken from one of them, and their table's is a mere definition.
  const relation = await relationOf(client, schema, table);
  if (relation?.partition || relation?.kind === "p") return setActionsAside(client, schema, table);
  const own = (each: Definition): boolean => each.table === table;
  const marks = await indexMarks(client, schema, table);
  const unique = (await constraints(client, schema, ["p", "u", "x"])).filter(own);
  for (const { name } of unique) await dropConstraint(client, schema, table, name);
  const { rows: indexes } = await client.query<Definition>(
    `SELECT c.relname AS table, x.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = to_regclass($1) ORDER BY x.relname`,
    [qualified(schema, table)],
  );
  for (const { name } of indexes) await client.query(`DROP INDEX ${qualified(schema, name)}`);
  return [
    ...unique.map((each) => addConstraint(schema, each)),
    ...indexes.map(({ definition }) => definition),
    ...marks,
    ...(await setActionsAside(client, schema, table)),
  ];
}

/** What would act on rows that are written: triggers and rules. Answers the statements that enable them again. */
async function setActionsAside(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows: actions } = await client.query<{ kind: string; name: string }>(
    `SELECT 'TRIGGER' AS kind, tgname AS name FROM pg_trigger
      WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgparentid = 0 AND tgenabled = 'O'
     UNION ALL
     SELECT 'RULE', rulename FROM pg_rewrite WHERE ev_class = to_regclass($1) AND ev_enabled = 'O'
      ORDER BY 1, 2`,
    [qualified(schema, table)],
  );
  const alter = (verb: string, { kind, name }: (typeof actions)[number]): string =>
    `ALTER TABLE ${qualified(schema, table)} ${verb} ${kind} ${quoteIdentifier(name)}`;
  for (const action of actions) await client.query(alter("DISABLE", action));
  return actions.map((action) => alter("ENABLE", action));
}

/** Uses of an index that are gone with it, as the statements that make them again. */
async function indexMarks(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; identity: boolean; clustered: boolean }>(
    `SELECT x.relname AS name, indisreplident AS identity, indisclustered AS clustered
       FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = to_regclass($1)`,
    [qualified(schema, table)],
  );
  const alter = (change: string): string => `ALTER TABLE ${qualified(schema, table)} ${change}`;
  return rows.flatMap(({ name, identity, clustered }) => [
    ...(identity ? [alter(`REPLICA IDENTITY USING INDEX ${quoteIdentifier(name)}`)] : []),
    ...(clustered ? [alter(`CLUSTER ON ${quoteIdentifier(name)}`)] : []),
  ]);
}

async function constraints(client: ClientBase, schema: string, types: readonly string[]): Promise<Definition[]> {
  // With nothing but the catalog in the path, PostgreSQL writes every name with its schema.
  await client.query("SET LOCAL search_path TO pg_catalog");
  const { rows } = await client.query<Definition>(
    `SELECT c.relname AS table, conname AS name, pg_get_constraintdef(k.oid) AS definition
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE c.relnamespace = $1::regnamespace AND contype = ANY ($2) AND conparentid = 0 ORDER BY contype, c.relname, conname`,
    [quoteIdentifier(schema), types],
  );
  return rows;
}

async function dropConstraint(client: ClientBase, schema: string, table: string, name: string): Promise<void> {
  await client.query(`ALTER TABLE ${qualified(schema, table)} DROP CONSTRAINT ${quoteIdentifier(name)}`);
}

function addConstraint(schema: string, { table, name, definition }: Definition): string {
  return `ALTER TABLE ${qualified(schema, table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`;
}
