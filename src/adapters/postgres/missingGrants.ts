import type { ClientBase } from "pg";

/** A grant as the engine's state has it. */
export interface StateGrant {
  readonly role: string;
  readonly objectType: string;
  readonly schema: string;
  readonly objects: readonly string[];
  readonly columns: readonly string[];
  readonly privileges: readonly string[];
}

/**
 * Positions in the list of grants that somebody has revoked, wholly or in part. A privilege that the role still has by another way
 * counts as granted, and grants to PUBLIC are ignored. So are objects that no longer exist: a grant would not bring them back.
 */
export async function missingGrants(client: ClientBase, grants: readonly StateGrant[]): Promise<number[]> {
  const privileges = grants.flatMap((grant, place) =>
    grant.role === "public" ? [] : each(grant).map((privilege) => ({ place, ...privilege })),
  );
  if (privileges.length === 0) return [];
  const { rows } = await client.query<{ place: number }>(
    `SELECT DISTINCT place
       FROM jsonb_to_recordset($1::jsonb)
              AS wanted(place int, role text, kind text, schema text, object text, col text, privilege text)
       JOIN pg_roles r ON r.rolname = wanted.role
       LEFT JOIN pg_namespace n ON n.nspname = wanted.schema
       LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.object
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = wanted.col AND NOT a.attisdropped
      WHERE NOT CASE kind
              WHEN 'database' THEN has_database_privilege(r.oid, current_database(), privilege)
              WHEN 'schema' THEN has_schema_privilege(r.oid, n.oid, privilege)
              WHEN 'table' THEN has_table_privilege(r.oid, c.oid, privilege)
              WHEN 'sequence' THEN has_sequence_privilege(r.oid, c.oid, privilege)
              WHEN 'column' THEN has_column_privilege(r.oid, c.oid, a.attnum, privilege) END
      ORDER BY place`,
    [JSON.stringify(privileges)],
  );
  return rows.map(({ place }) => place);
}

function each({ role, objectType: kind, schema, objects, columns, privileges }: StateGrant) {
  // Without names a grant is on every sequence of the schema, which only its own code lists.
  const named = kind === "database" || kind === "schema" ? [""] : objects;
  return named.flatMap((object) =>
    (kind === "column" ? columns : [""]).flatMap((col) =>
      privileges.map((privilege) => ({ role, kind, schema, object, col, privilege })),
    ),
  );
}
