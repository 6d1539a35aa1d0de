import type { ClientBase } from "pg";
import { messageOf } from "../../../domain/errors.ts";
import { quoteIdentifier } from "../identifier.ts";
import { sqlState } from "../server.ts";
import { withoutRowsOfFiles } from "./continued.ts";
import type { CopiedColumn } from "./copiedColumns.ts";
import { refuse } from "./refusals.ts";
import { qualified, storedIn } from "./relations.ts";
import { searchPath } from "./searchPath.ts";
import { setActionsAside, setForeignKeysAside } from "./setAside.ts";

/** A table that is to be copied, into a schema that is rolled back. */
export interface TriedTable {
  readonly table: string;
  readonly from: string;
  readonly columns: readonly CopiedColumn[];
}

/**
 * Copies the tables that are not made as in the release before, so that rows which do not fit are told by a preview. What is made as
 * before holds what it held. To be called in a transaction that is rolled back, in which nothing else is done afterwards.
 *
 * @param patience - in milliseconds, for all tables together; a statement that takes longer is cancelled by the server
 * @throws OperatorError for rows that do not fit.
 */
export async function requireFitting(
  client: ClientBase,
  schema: string,
  tables: readonly TriedTable[],
  patience: number,
): Promise<void> {
  const began = performance.now();
  const hurry = () =>
    client.query(`SET LOCAL statement_timeout = ${Math.max(1, Math.floor(patience - (performance.now() - began)))}`);
  const changed: TriedTable[] = [];
  for (const each of tables) if (await isChanged(client, schema, each)) changed.push(each);
  for (const key of await foreignKeys(client, schema)) {
    await hurry();
    await requireReferred(client, schema, key, { tables, changed });
  }
  if (changed.length === 0) return;
  await setForeignKeysAside(client, schema);
  await withoutRowsOfFiles(
    client,
    schema,
    changed.map(({ table }) => table),
  );
  for (const { table, from, columns } of changed) {
    const stored = await storedIn(client, schema, table);
    for (const each of new Set([table, ...stored])) await setActionsAside(client, schema, each);
    // Nothing of it is written to the log of the server, nor stays in its files.
    for (const each of stored) await client.query(`ALTER TABLE ${qualified(schema, each)} SET UNLOGGED`);
    await hurry();
    await client.query(`SET LOCAL search_path TO ${searchPath(schema)}`);
    const list = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
    const values = columns.map(({ value }) => value).join(", ");
    const copy = `INSERT INTO ${qualified(schema, table)} (${list}) OVERRIDING SYSTEM VALUE
                  SELECT ${values} FROM ${qualified(from, table)} AS ${quoteIdentifier(table)}`;
    await client.query(copy).catch((error: unknown) => {
      if (isCancelled(error)) throw error;
      throw refuse("seed.row-does-not-fit", { table, from, reason: messageOf(error) }, error);
    });
    await client.query("SET LOCAL search_path TO pg_catalog");
  }
}

/** Whether rows that fitted before may not fit now. */
async function isChanged(client: ClientBase, schema: string, { table, from, columns }: TriedTable): Promise<boolean> {
  if (columns.some(({ changed }) => changed)) return true;
  const [now, before] = [await rulesOf(client, schema, table), new Set(await rulesOf(client, from, table))];
  return now.some((rule) => !before.has(rule));
}

/** What PostgreSQL asks of a table's rows: constraints, of the schema's domains too, unique indexes and the bounds of partitions. */
async function rulesOf(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<{ rule: string }>(
    `SELECT replace(rule, quote_ident($1) || '.', '') AS rule FROM (
       SELECT coalesce(contypid::regtype || ' ', '') || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = quote_ident($1)::regnamespace AND contype IN ('c', 'p', 'u', 'x') AND (conrelid = to_regclass($2) OR contypid <> 0)
       UNION ALL SELECT regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ON', 'INDEX ON') FROM pg_index WHERE indrelid = to_regclass($2) AND indisunique
       UNION ALL SELECT relname || ' ' || pg_get_expr(relpartbound, oid) FROM pg_class
        WHERE relispartition AND oid IN (SELECT relid FROM pg_partition_tree(to_regclass($2)))
     ) rules (rule)`,
    [schema, qualified(schema, table)],
  );
  return rows.map(({ rule }) => rule);
}

interface ForeignKey {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly referred: string;
  readonly keys: readonly string[];
}

async function foreignKeys(client: ClientBase, schema: string): Promise<ForeignKey[]> {
  const names = (relation: string, keys: string): string =>
    `array(SELECT a.attname::text FROM unnest(${keys}) WITH ORDINALITY k (number, place)
             JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number ORDER BY place)`;
  const { rows } = await client.query<ForeignKey>(
    `SELECT conname AS name, t.relname AS table, ${names("conrelid", "conkey")} AS columns, r.relname AS referred, ${names("confrelid", "confkey")} AS keys
       FROM pg_constraint JOIN pg_class t ON t.oid = conrelid JOIN pg_class r ON r.oid = confrelid
      WHERE connamespace = $1::regnamespace AND contype = 'f' AND conparentid = 0 AND conenforced ORDER BY 1`,
    [quoteIdentifier(schema)],
  );
  return rows;
}

/** Refuses a key whose two tables get rows that do not go together: of which one is copied and the other is not, or both are changed. */
async function requireReferred(
  client: ClientBase,
  schema: string,
  { name, table, columns, referred, keys }: ForeignKey,
  { tables, changed }: { readonly tables: readonly TriedTable[]; readonly changed: readonly TriedTable[] },
): Promise<void> {
  const [own, other] = [table, referred].map((each) => tables.find((tried) => tried.table === each));
  const asBefore = own && other && own.from === other.from && !changed.includes(own) && !changed.includes(other);
  if ((!own && !other) || (asBefore && (await hadKey(client, own.from, table, name)))) return;
  const rowsOf = (of: string, tried: TriedTable | undefined): string => {
    if (!tried) return qualified(schema, of);
    const list = tried.columns.map((column) => `${column.value} AS ${quoteIdentifier(column.name)}`).join(", ");
    return `(SELECT ${list} FROM ${qualified(tried.from, of)} AS ${quoteIdentifier(of)})`;
  };
  const given = columns.map((column) => `own.${quoteIdentifier(column)} IS NOT NULL`);
  const same = columns.map((column, at) => `other.${quoteIdentifier(keys[at] ?? "")} = own.${quoteIdentifier(column)}`);
  await client.query(`SET LOCAL search_path TO ${searchPath(schema)}`);
  const { rows } = await client.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM ${rowsOf(table, own)} own WHERE ${given.join(" AND ")}
                       AND NOT EXISTS (SELECT FROM ${rowsOf(referred, other)} other WHERE ${same.join(" AND ")})) AS found`,
  );
  await client.query("SET LOCAL search_path TO pg_catalog");
  if (!rows[0]?.found) return;
  throw refuse("seed.rows-missing", { table, referred, key: name });
}

async function hadKey(client: ClientBase, schema: string, table: string, name: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2 AND contype = 'f' AND convalidated",
    [qualified(schema, table), name],
  );
  return rowCount !== 0;
}

/** By the server, for want of time. */
function isCancelled(error: unknown): boolean {
  return sqlState(error) === "57014" || sqlState(error) === "55P03";
}
