import type { ClientBase } from "pg";
import { quoteIdentifier } from "../identifier.ts";
import { qualified } from "./relations.ts";

interface Index {
  readonly name: string;
  readonly isIdentity: boolean;
  readonly isClustered: boolean;
  /** Such as `fillfactor='70'`; null for none. */
  readonly options: string | null;
  /** Null for the database's own. */
  readonly tablespace: string | null;
  /** As a literal. */
  readonly comment: string | null;
  readonly statistics: readonly { readonly column: number; readonly target: number }[];
}

/**
 * What the definitions of a table's indexes and constraints do not say (see PostgreSQL's `pg_get_indexdef` and
 * `pg_get_constraintdef`), as the statements that make it again.
 */
export async function indexDetails(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<Index>(
    `SELECT x.relname AS name, indisreplident AS "isIdentity", indisclustered AS "isClustered", t.spcname AS tablespace,
            (SELECT string_agg(option_name || '=' || quote_literal(option_value), ', ') FROM pg_options_to_table(x.reloptions)) AS options,
            quote_literal(obj_description(x.oid, 'pg_class')) AS comment,
            (SELECT coalesce(json_agg(json_build_object('column', a.attnum, 'target', a.attstattarget) ORDER BY a.attnum), '[]')
               FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0) AS statistics
       FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid LEFT JOIN pg_tablespace t ON t.oid = x.reltablespace
      WHERE i.indrelid = to_regclass($1) ORDER BY x.relname`,
    [qualified(schema, table)],
  );
  return rows.flatMap(({ name, isIdentity, isClustered, options, tablespace, comment, statistics }) => {
    const index = qualified(schema, name);
    const alterTable = (change: string): string => `ALTER TABLE ${qualified(schema, table)} ${change}`;
    return [
      ...(options === null ? [] : [`ALTER INDEX ${index} SET (${options})`]),
      ...(tablespace === null ? [] : [`ALTER INDEX ${index} SET TABLESPACE ${quoteIdentifier(tablespace)}`]),
      ...statistics.map(({ column, target }) => `ALTER INDEX ${index} ALTER COLUMN ${column} SET STATISTICS ${target}`),
      ...(comment === null ? [] : [`COMMENT ON INDEX ${index} IS ${comment}`]),
      ...(isIdentity ? [alterTable(`REPLICA IDENTITY USING INDEX ${quoteIdentifier(name)}`)] : []),
      ...(isClustered ? [alterTable(`CLUSTER ON ${quoteIdentifier(name)}`)] : []),
    ];
  });
}
