import type { ClientBase } from "pg";
import { describeRights, inEachSequence, type Right, type Rights, rightsOf } from "../../../domain/rights/rights.ts";

/** A right as the catalog has it. */
export interface GrantedRight extends Right {
  readonly role: string;
}

/** What the roles of `wanted` have in a schema and in its database. */
interface Catalog {
  readonly granted: readonly GrantedRight[];
  /** Names of the schema's sequences. */
  readonly sequences: readonly string[];
}

/**
 * What the roles of `wanted` may do in the schema and its database, in the words of `wanted`. A role that does not exist has no
 * rights. What a role may do as an owner or as a member of another role is not among it, nor are objects that somebody else than the
 * schema's owner made.
 */
export async function foundRights(client: ClientBase, schema: string, wanted: Rights): Promise<Rights> {
  const { granted, sequences } = await readCatalog(client, schema, wanted);
  return Object.fromEntries(
    Object.entries(wanted).map(([role, described]) => {
      const own = granted.filter((each) => each.role === role);
      const nothing = Object.entries(described).filter(([, privileges]) => privileges === "");
      const found = describeRights(inAllSequences(own, rightsOf(described), sequences));
      return [role, { ...Object.fromEntries(nothing), ...found }];
    }),
  );
}

/** Everything that `wanted` is about: its roles' rights in the schema, and in the database where it says what they are. */
export async function readCatalog(client: ClientBase, schema: string, wanted: Rights): Promise<Catalog> {
  const { rows: all } = await client.query<GrantedRight & { column: string | null }>(catalogQuery, [
    schema,
    Object.keys(wanted),
  ]);
  const rows = all.filter(({ kind, role }) => kind !== "database" || wanted[role]?.database !== undefined);
  const sequences = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
      WHERE nspname = $1 AND relkind = 'S' ORDER BY 1`,
    [schema],
  );
  return {
    granted: rows.map(({ column, ...right }) => ({ ...right, ...(column === null ? {} : { column }) })),
    sequences: sequences.rows.map(({ name }) => name),
  };
}

/** With one right in all sequences for those in each of them, where that is what is wanted. */
function inAllSequences(own: readonly Right[], wanted: readonly Right[], sequences: readonly string[]): Right[] {
  const has = (right: Right, name: string): boolean =>
    own.some(
      (each) => each.kind === "sequence" && each.name === name && each.privilege === right.privilege && !each.grantable,
    );
  const inAll = wanted.filter((right) => right.kind === "all sequences" && sequences.every((name) => has(right, name)));
  const covered = new Set(inEachSequence(inAll, sequences).map(({ name, privilege }) => `${name} ${privilege}`));
  const others = own.filter(
    ({ kind, name, privilege, grantable }) => kind !== "sequence" || grantable || !covered.has(`${name} ${privilege}`),
  );
  return [...others, ...inAll];
}

/**
 * Access control lists, one row for each privilege. A list that is null stands for the built-in default, of which others than the owner
 * have something in databases and functions only; that everybody may execute functions is their own matter.
 * PUBLIC is role 0. See https://www.postgresql.org/docs/current/ddl-priv.html.
 */
const catalogQuery = `
WITH grantee AS (
  SELECT oid, rolname::text AS role FROM pg_roles WHERE rolname = ANY ($2)
  UNION ALL SELECT 0, 'public' WHERE 'public' = ANY ($2)
), space AS (
  SELECT oid, nspowner AS owner, nspacl FROM pg_namespace WHERE nspname = $1
), object AS (
  SELECT 'database' AS kind, '' AS name, NULL AS "column", coalesce(datacl, acldefault('d', datdba)) AS acl
    FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', '', NULL, nspacl FROM space
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, relname, NULL, relacl
    FROM pg_class JOIN space ON relnamespace = space.oid WHERE relowner = owner AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT 'table', relname, attname, attacl
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN space ON relnamespace = space.oid
   WHERE relowner = owner AND attacl IS NOT NULL AND NOT attisdropped
  UNION ALL
  SELECT 'function',
         format('%s(%s)', proname, (SELECT string_agg(format_type(type, NULL), ', ' ORDER BY place)
                                      FROM unnest(proargtypes) WITH ORDINALITY AS argument(type, place))),
         NULL, proacl
    FROM pg_proc JOIN space ON pronamespace = space.oid
   WHERE proowner = owner
)
SELECT role, kind, name, "column", privilege_type AS privilege, bool_or(is_grantable) AS grantable
  FROM object CROSS JOIN aclexplode(acl) AS entry JOIN grantee ON grantee.oid = entry.grantee
 WHERE NOT (kind = 'function' AND role = 'public')
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5`;
