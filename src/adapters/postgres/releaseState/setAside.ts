import type { ClientBase } from "pg";
import { quoteIdentifier } from "../identifier.ts";
import { sqlState } from "../server.ts";
import { indexDetails } from "./indexDetails.ts";
import { qualified, relationOf } from "./relations.ts";

interface Definition {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly comment: string | null;
}

/**
 * Drops the foreign keys of a schema and answers the statements that make them again: tables can then be filled in any order
 * and at the same time. `session_replication_role` would do the same for superusers only.
 */
export async function setForeignKeysAside(client: ClientBase, schema: string): Promise<string[]> {
  const keys = await constraints(client, schema, ["f"]);
  for (const { table, name } of keys) await client.query(dropConstraint(schema, table, name));
  return keys.flatMap((key) => addConstraint(schema, key));
}

/**
 * Drops what slows down the filling of a table, or would act on it: indexes, with the constraints that they stand for, and
 * triggers. Answers the statements that make it again. Foreign keys must be gone before.
 */
export async function setIndexesAside(client: ClientBase, schema: string, table: string): Promise<string[]> {
  // What partitions have in common cannot be taken from one of them, and their table's is a mere definition.
  const relation = await relationOf(client, schema, table);
  if (relation?.partition || relation?.kind === "p") return setActionsAside(client, schema, table);
  const details = await indexDetails(client, schema, table);
  const unique = (await constraints(client, schema, ["p", "u", "x"])).filter((each) => each.table === table);
  const again: string[] = [];
  for (const each of unique) {
    if (await dropped(client, dropConstraint(schema, table, each.name))) again.push(...addConstraint(schema, each));
  }
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `SELECT x.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
       FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = to_regclass($1) ORDER BY x.relname`,
    [qualified(schema, table)],
  );
  for (const { name, definition } of indexes) {
    if (await dropped(client, `DROP INDEX ${qualified(schema, name)}`)) again.push(definition);
  }
  return [...again, ...details, ...(await setActionsAside(client, schema, table))];
}

/** What another object needs, such as a view that groups by a primary key, stays: the table is filled more slowly, and as exactly. */
async function dropped(client: ClientBase, statement: string): Promise<boolean> {
  await client.query("SAVEPOINT aside");
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    // dependent_objects_still_exist
    if (sqlState(error) !== "2BP01") throw error;
    await client.query("ROLLBACK TO SAVEPOINT aside");
    return false;
  } finally {
    await client.query("RELEASE SAVEPOINT aside").catch(() => {});
  }
}

const enabling: Readonly<Record<string, string>> = { O: "ENABLE", A: "ENABLE ALWAYS" };

/** What would act on rows that are written: triggers and rules. Answers the statements that enable them again. */
export async function setActionsAside(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows: actions } = await client.query<{ kind: string; name: string; enabled: string }>(
    `SELECT 'TRIGGER' AS kind, tgname AS name, tgenabled AS enabled FROM pg_trigger
      WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgparentid = 0 AND tgenabled = ANY ($2)
     UNION ALL
     SELECT 'RULE', rulename, ev_enabled FROM pg_rewrite WHERE ev_class = to_regclass($1) AND ev_enabled = ANY ($2)
      ORDER BY 1, 2`,
    [qualified(schema, table), Object.keys(enabling)],
  );
  const alter = (verb: string | undefined, { kind, name }: (typeof actions)[number]): string =>
    `ALTER TABLE ${qualified(schema, table)} ${verb} ${kind} ${quoteIdentifier(name)}`;
  for (const action of actions) await client.query(alter("DISABLE", action));
  return actions.map((action) => alter(enabling[action.enabled], action));
}

async function constraints(client: ClientBase, schema: string, types: readonly string[]): Promise<Definition[]> {
  // With nothing but the catalog in the path, PostgreSQL writes every name with its schema.
  await client.query("SET LOCAL search_path TO pg_catalog");
  const { rows } = await client.query<Definition>(
    `SELECT c.relname AS table, conname AS name, pg_get_constraintdef(k.oid) AS definition,
            quote_literal(obj_description(k.oid, 'pg_constraint')) AS comment
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE c.relnamespace = $1::regnamespace AND contype = ANY ($2) AND conparentid = 0 ORDER BY contype, c.relname, conname`,
    [quoteIdentifier(schema), types],
  );
  return rows;
}

function dropConstraint(schema: string, table: string, name: string): string {
  return `ALTER TABLE ${qualified(schema, table)} DROP CONSTRAINT ${quoteIdentifier(name)}`;
}

function addConstraint(schema: string, { table, name, definition, comment }: Definition): string[] {
  const add = `ALTER TABLE ${qualified(schema, table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`;
  const describe = `COMMENT ON CONSTRAINT ${quoteIdentifier(name)} ON ${qualified(schema, table)} IS ${comment}`;
  return comment === null ? [add] : [add, describe];
}
