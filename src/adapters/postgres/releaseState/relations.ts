import type { ClientBase } from "pg";
import { quoteIdentifier } from "../identifier.ts";

export interface Column {
  readonly name: string;
  /** Computed by PostgreSQL from others of the same row. */
  readonly generated: boolean;
  /** Numbered by PostgreSQL where no value is given. */
  readonly identity: boolean;
}

/** `"schema"."name"` */
export function qualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** The columns of a table or view in their order; none where it does not exist. */
export async function columnsOf(client: ClientBase, schema: string, table: string): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `SELECT attname AS name, attgenerated <> '' AS generated, attidentity <> '' AS identity
       FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [qualified(schema, table)],
  );
  return rows;
}

/** Names of what a schema holds besides indexes; undefined where there is no such schema. */
export async function objectsIn(client: ClientBase, schema: string): Promise<string[] | undefined> {
  const { rows } = await client.query<{ names: string[] }>(
    `SELECT array(SELECT relname::text FROM pg_class WHERE relnamespace = n.oid AND relkind NOT IN ('i', 'I')
                  UNION SELECT proname::text FROM pg_proc WHERE pronamespace = n.oid ORDER BY 1) AS names
       FROM pg_namespace n WHERE nspname = $1`,
    [schema],
  );
  return rows[0]?.names;
}
