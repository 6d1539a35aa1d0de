import type { ClientBase } from "pg";
import { roles } from "../../../domain/platformDatabase.ts";
import { quoteIdentifier } from "../identifier.ts";

export interface Column {
  readonly name: string;
  /** Computed by PostgreSQL from others of the same row. */
  readonly generated: boolean;
  /** Numbered by PostgreSQL where no value is given. */
  readonly identity: boolean;
  readonly notNull: boolean;
  /** PostgreSQL has a value for rows that give none. */
  readonly defaulted: boolean;
  /** As SQL writes it after `::`. */
  readonly type: string;
  /** The same, without the schema where the type is of the table's own. */
  readonly typeName: string;
  /** What a type of the table's own schema is made of: labels of an enum, attributes of a composite type, in their order. */
  readonly parts: readonly string[];
  /**
   * A type of text that no cast of the schema leads from, so that what is cast from it is read as any input of the type; null where
   * there are casts from all of them.
   */
  readonly input: string | null;
}

/** A relation as the catalog has it. */
export interface Relation {
  /** `pg_class.relkind` */
  readonly kind: string;
  /** Whether it is a partition of another table. */
  readonly partition: boolean;
}

/** `"schema"."name"` */
export function qualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** The columns of a table or view in their order; none where it does not exist. */
export async function columnsOf(client: ClientBase, schema: string, table: string): Promise<Column[]> {
  // As `format_type` writes it whatever the search path is: a type that the path finds has no schema.
  const { rows } = await client.query<Column>(
    `SELECT attname AS name, attgenerated <> '' AS generated, attidentity <> '' AS identity, attnotnull AS "notNull",
            atthasdef OR attidentity <> '' AS defaulted,
            CASE WHEN own THEN quote_ident(n.nspname) || '.' ELSE '' END || bare AS type, bare AS "typeName",
            CASE WHEN own THEN array(
              SELECT enumlabel::text FROM (SELECT enumlabel, enumsortorder FROM pg_enum WHERE enumtypid = e.oid) labels ORDER BY enumsortorder)
              || array(SELECT p.attname || ' ' || replace(format_type(p.atttypid, p.atttypmod), quote_ident(n.nspname) || '.', '')
                         FROM pg_attribute p WHERE e.typtype = 'c' AND p.attrelid = e.typrelid AND p.attnum > 0 AND NOT p.attisdropped
                        ORDER BY p.attnum)
            ELSE '{}' END AS parts,
            (SELECT source::regtype::text FROM unnest('{text,varchar,bpchar}'::text[]) WITH ORDINALITY sources (source, rank)
              WHERE NOT EXISTS (SELECT FROM pg_cast JOIN pg_type target ON target.oid = casttarget
                                 WHERE castsource = source::regtype AND target.typnamespace = c.relnamespace)
              ORDER BY rank LIMIT 1) AS input
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_type t ON t.oid = a.atttypid
       JOIN pg_type e ON e.oid = CASE WHEN t.typelem <> 0 AND t.typcategory = 'A' THEN t.typelem ELSE t.oid END
      CROSS JOIN LATERAL (SELECT e.typnamespace = c.relnamespace AS own,
                                 replace(format_type(a.atttypid, a.atttypmod), quote_ident(n.nspname) || '.', '') AS bare) formatted
      WHERE a.attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [qualified(schema, table)],
  );
  return rows;
}

/** Undefined where there is no such relation. */
export async function relationOf(client: ClientBase, schema: string, name: string): Promise<Relation | undefined> {
  const { rows } = await client.query<Relation>(
    "SELECT relkind AS kind, relispartition AS partition FROM pg_class WHERE oid = to_regclass($1)",
    [qualified(schema, name)],
  );
  return rows[0];
}

/** The tables that hold the rows of a table: itself, or the partitions of one that has them, by name. */
export async function storedIn(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_partition_tree(to_regclass($1)) p ON p.relid = c.oid
      WHERE p.isleaf AND c.relkind = 'r' ORDER BY 1`,
    [qualified(schema, table)],
  );
  return rows.length > 0 ? rows.map(({ name }) => name) : [table];
}

/** Names of what a schema holds, of every kind, but what belongs to something else in it; undefined where there is no such schema. */
export async function objectsIn(client: ClientBase, schema: string): Promise<string[] | undefined> {
  const { rows } = await client.query<{ names: string[] }>(
    `SELECT array(SELECT DISTINCT coalesce(trim(BOTH '"' FROM i.name), i.identity)
                    FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
                   WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.deptype = 'n' AND i.type <> 'default acl'
                   ORDER BY 1) AS names
       FROM pg_namespace n WHERE nspname = $1`,
    [schema],
  );
  return rows[0]?.names;
}

/** What the owner of the states has outside of a schema, such as `large object 16423`. */
export async function outsideObjects(client: ClientBase, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT i.type || ' ' || i.identity AS name
       FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = $1::regrole AND d.deptype = 'o'
        AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        AND i.schema IS DISTINCT FROM $2 AND i.schema IS DISTINCT FROM quote_ident($2)`,
    [quoteIdentifier(roles.state), schema],
  );
  return rows.map(({ name }) => name);
}
