import type { ClientBase } from "pg";

/** One object that privileges are granted on, and the role that has them. */
export interface GrantTarget {
  readonly kind: "database" | "schema" | "sequence" | "table" | "column";
  /** `public` for everybody. */
  readonly role: string;
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly column: string | undefined;
}

/**
 * Access control lists by kind. A null list stands for the built-in default, of which the owner has everything;
 * PUBLIC is role 0. See https://www.postgresql.org/docs/current/ddl-priv.html.
 */
const lists: Readonly<Record<GrantTarget["kind"], string>> = {
  database: "SELECT coalesce(datacl, acldefault('d', datdba)) AS acl FROM pg_database WHERE datname = $1",
  schema: "SELECT coalesce(nspacl, acldefault('n', nspowner)) AS acl FROM pg_namespace WHERE nspname = $1",
  sequence: `SELECT coalesce(relacl, acldefault('s', relowner)) AS acl
            FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2`,
  table: `SELECT coalesce(relacl, acldefault('r', relowner)) AS acl
            FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2`,
  column: `SELECT attacl AS acl
             FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname = $1 AND relname = $2 AND attname = $3 AND NOT attisdropped`,
};

/** The privileges that the role itself has on the object now; undefined when the object or the role does not exist. */
export async function granted(client: ClientBase, target: GrantTarget): Promise<Set<string> | undefined> {
  const { kind, role, database, schema, table, column } = target;
  const names = {
    database: [database],
    schema: [schema],
    sequence: [schema, table],
    table: [schema, table],
    column: [schema, table, column],
  }[kind];
  const grantee = await roleId(client, role);
  if (grantee === undefined) return undefined;
  const objects = await client.query<{ privileges: string[] }>(
    `SELECT array(SELECT privilege_type FROM aclexplode(acl) WHERE grantee = $${names.length + 1}::oid)::text[] AS privileges
       FROM (${lists[kind]}) AS object`,
    [...names, grantee],
  );
  const privileges = objects.rows[0]?.privileges;
  return privileges && new Set(privileges);
}

/** Names of all sequences of a schema. */
export async function sequencesIn(client: ClientBase, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relkind = 'S' ORDER BY 1",
    [schema],
  );
  return rows.map(({ name }) => name);
}

async function roleId(client: ClientBase, role: string): Promise<string | undefined> {
  if (role === "public") return "0";
  const { rows } = await client.query<{ oid: string }>("SELECT oid::text FROM pg_roles WHERE rolname = $1", [role]);
  return rows[0]?.oid;
}
