import type { ClientBase } from "pg";
import type { Clause } from "../../../../domain/refusals/clause.ts";
import { quoteIdentifier } from "../../identifier.ts";
import { sqlState } from "../../server.ts";
import { refuse } from "../refusals.ts";
import { existingJournalSchema, type MigrationTarget, platformTarget } from "./target.ts";

/** A target whose columns were looked up. */
export interface InspectedTarget extends MigrationTarget {
  /** Types of the two columns, as casts name them. */
  readonly idType: string;
  readonly proxyType: string;
  /** Whether triggers run after a row was changed, and may change it again. */
  readonly triggersAfter: boolean;
}

/** What the catalog says of a target; `target` is undefined where the table or one of its columns is not there. */
export interface Inspection {
  readonly target: InspectedTarget | undefined;
  /** Why nothing can be moved there. */
  readonly obstacles: readonly Clause[];
  readonly notes: readonly string[];
}

interface TableRow {
  readonly oid: number;
  readonly kind: string;
  readonly rowSecurity: boolean;
  readonly schemaUsage: boolean;
  readonly user: string;
}

interface ColumnRow {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Types whose text form, cast back, is the same value, and which have an order. */
const idTypes = ["smallint", "integer", "bigint", "text", "character varying", "bpchar", "uuid"];

/** Looks a target up: its columns' types, its indexes, and what the login may do. Reads the catalog alone. */
export async function inspectTarget(client: ClientBase, target: MigrationTarget): Promise<Inspection> {
  const table = await readTable(client, target);
  if (!table) {
    const problem = `${target.table}: there is no such table in this database`;
    return { target: undefined, obstacles: [{ problem, fix: "correct schema and table" }], notes: [] };
  }
  const columns = await readColumns(client, table.oid);
  const obstacles: Clause[] = [];
  const needed = [...new Set([target.idName, target.proxyName, ...target.readNames])];
  for (const name of needed) {
    if (!columns.has(name))
      obstacles.push({ problem: `${target.table}: has no column ${quoteIdentifier(name)}`, fix: "" });
  }
  const [id, proxy] = [columns.get(target.idName), columns.get(target.proxyName)];
  if (!id || !proxy) return { target: undefined, obstacles, notes: [] };
  for (const column of [id, proxy]) {
    if (!idTypes.includes(column.type)) {
      obstacles.push({
        problem: `${target.table}: column ${quoteIdentifier(column.name)} is of type ${column.type}`,
        fix: "ids are text, integer or UUID",
      });
    }
  }
  if (target !== platformTarget) {
    if (!["r", "p"].includes(table.kind))
      obstacles.push({ problem: `${target.table}: is not a table`, fix: "name the one that holds the rows" });
    obstacles.push(...missingGrants(target, table, columns, needed), ...(await journalGrants(client, table.user)));
    if (table.rowSecurity) {
      obstacles.push({
        problem: `${target.table}: row security hides rows from ${table.user}`,
        fix: "let the role bypass it",
      });
    }
  }
  const indexes = await readIndexes(client, table.oid, id.number, proxy.number);
  if (!indexes.unique) {
    obstacles.push({ problem: `${target.table}: column ${target.id} is not unique`, fix: "name the table's key" });
  }
  const notes = indexes.proxy
    ? []
    : [
        `${target.table}: has no index on (${target.proxy}, ${target.id}), so every pass reads the whole table; ` +
          `make one first: CREATE INDEX CONCURRENTLY ON ${target.table} (${target.proxy}, ${target.id});`,
      ];
  const { triggersAfter, obstacles: forbidding } = await readForbidding(client, target, table.oid);
  obstacles.push(...forbidding);
  return { target: { ...target, idType: id.type, proxyType: proxy.type, triggersAfter }, obstacles, notes };
}

/** An id as the database writes it, such as a UUID in lower case; undefined when it is none of the column's type. */
export async function canonicalId(client: ClientBase, type: string, id: string): Promise<string | undefined> {
  if (id.includes("\0")) return undefined;
  try {
    const { rows } = await client.query<{ id: string }>(`SELECT $1::text::${type}::text AS id`, [id]);
    return rows[0]?.id;
  } catch (error) {
    // Not a number or a UUID; out of range.
    if (sqlState(error) === "22P02" || sqlState(error) === "22003") return undefined;
    throw error;
  }
}

/** {@link inspectTarget} for a run, which a plan has judged before: throws the first obstacle. */
export async function requireTarget(client: ClientBase, target: MigrationTarget): Promise<InspectedTarget> {
  const { target: inspected, obstacles } = await inspectTarget(client, target);
  if (!inspected || obstacles[0] !== undefined)
    throw refuse("migration.table", obstacles[0] ?? { problem: `${target.table} cannot be read`, fix: "" });
  return inspected;
}

async function readTable(client: ClientBase, target: MigrationTarget): Promise<TableRow | undefined> {
  const { rows } = await client.query<TableRow>(
    `SELECT c.oid::integer AS oid, c.relkind::text AS kind, row_security_active(c.oid) AS "rowSecurity",
            has_schema_privilege(n.oid, 'USAGE') AS "schemaUsage", current_user::text AS user
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2`,
    [target.schemaName, target.tableName],
  );
  return rows[0];
}

async function readColumns(client: ClientBase, table: number): Promise<Map<string, ColumnRow>> {
  const { rows } = await client.query<ColumnRow>(
    `SELECT attname::text AS name, attnum AS number, format_type(atttypid, -1) AS type,
            has_column_privilege(attrelid, attnum, 'SELECT') AS readable,
            has_column_privilege(attrelid, attnum, 'UPDATE') AS writable
       FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

async function readIndexes(
  client: ClientBase,
  table: number,
  id: number,
  proxy: number,
): Promise<{ readonly unique: boolean; readonly proxy: boolean }> {
  const { rows } = await client.query<{ unique: boolean; proxy: boolean }>(
    `SELECT coalesce(bool_or(indisunique AND indnkeyatts = 1 AND indkey[0] = $2), false) AS unique,
            coalesce(bool_or(amname = 'btree' AND indnkeyatts >= 2 AND indkey[0] = $3 AND indkey[1] = $2), false) AS proxy
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
      WHERE indrelid = $1 AND indisvalid AND indpred IS NULL`,
    [table, id, proxy],
  );
  return rows[0] ?? { unique: false, proxy: false };
}

/** What keeps PostgreSQL from changing the table's rows as it is told, and may be read beforehand. */
async function readForbidding(client: ClientBase, target: MigrationTarget, table: number) {
  const { rows } = await client.query<{
    rules: string[];
    publications: string[];
    triggersAfter: boolean;
  }>(
    `SELECT ARRAY(SELECT rulename::text FROM pg_rewrite
                   WHERE ev_class = $1 AND ev_type = '2' AND ev_enabled <> 'D') AS rules,
            CASE WHEN c.relreplident = 'f' OR (c.relreplident IN ('d', 'i') AND EXISTS (
                   SELECT FROM pg_index i WHERE i.indrelid = c.oid
                      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END))
                 THEN '{}' ELSE ARRAY(
                   SELECT p.pubname::text FROM pg_publication p JOIN pg_publication_tables t USING (pubname)
                    WHERE p.pubupdate AND t.schemaname = $2 AND t.tablename = $3) END AS publications,
            EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled <> 'D'
                       AND tgtype & 2 = 0 AND tgtype & 16 <> 0) AS "triggersAfter"
       FROM pg_class c WHERE c.oid = $1`,
    [table, target.schemaName, target.tableName],
  );
  const { rules = [], publications = [], triggersAfter = false } = rows[0] ?? {};
  const obstacles = rules.map(
    (rule): Clause => ({
      problem: `${target.table}: rule ${quoteIdentifier(rule)} rewrites every UPDATE, so rows would not move as they are told to`,
      fix: `run ALTER TABLE ${target.table} DISABLE RULE ${quoteIdentifier(rule)}; for the time of the migration`,
    }),
  );
  if (publications.length > 0) {
    const names = publications.map(quoteIdentifier).join(", ");
    obstacles.push({
      problem: `${target.table}: is published by ${names} without a replica identity, so PostgreSQL refuses every UPDATE`,
      fix: `run ALTER TABLE ${target.table} REPLICA IDENTITY FULL; or name a unique index there`,
    });
  }
  return { triggersAfter, obstacles };
}

function missingGrants(
  target: MigrationTarget,
  { schemaUsage, user }: TableRow,
  columns: ReadonlyMap<string, ColumnRow>,
  needed: readonly string[],
): Clause[] {
  const role = quoteIdentifier(user);
  const obstacles: Clause[] = [];
  if (!schemaUsage) {
    const schema = quoteIdentifier(target.schemaName);
    obstacles.push({
      problem: `${target.table}: ${user} may not use the schema`,
      fix: `run GRANT USAGE ON SCHEMA ${schema} TO ${role};`,
    });
  }
  const unread = needed.filter((name) => columns.get(name)?.readable === false).map(quoteIdentifier);
  if (unread.length > 0) {
    const list = unread.join(", ");
    obstacles.push({
      problem: `${target.table}: ${user} may not read ${list}`,
      fix: `run GRANT SELECT (${list}) ON ${target.table} TO ${role};`,
    });
  }
  if (columns.get(target.proxyName)?.writable === false) {
    obstacles.push({
      problem: `${target.table}: ${user} may not change ${target.proxy}`,
      fix: `run GRANT UPDATE (${target.proxy}) ON ${target.table} TO ${role};`,
    });
  }
  return obstacles;
}

async function journalGrants(client: ClientBase, user: string): Promise<Clause[]> {
  const { rows } = await client.query<{ there: boolean; allowed: boolean }>(
    `SELECT n.oid IS NOT NULL AS there,
            CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                 ELSE has_schema_privilege(n.oid, 'USAGE') AND
                   CASE WHEN t.oid IS NULL THEN has_schema_privilege(n.oid, 'CREATE')
                        ELSE has_table_privilege(t.oid, 'SELECT') AND has_table_privilege(t.oid, 'INSERT')
                         AND has_table_privilege(t.oid, 'UPDATE') END END AS allowed
       FROM (VALUES (1)) one (n)
       LEFT JOIN pg_namespace n ON n.nspname = $1
       LEFT JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = 'zoo_migration_row'`,
    [existingJournalSchema],
  );
  if (rows[0]?.allowed) return [];
  const schema = quoteIdentifier(existingJournalSchema);
  const command = rows[0]?.there
    ? `ALTER SCHEMA ${schema} OWNER TO ${quoteIdentifier(user)};`
    : `CREATE SCHEMA ${schema} AUTHORIZATION ${quoteIdentifier(user)};`;
  return [{ problem: `the journal has no schema that ${user} may write to`, fix: `run ${command}` }];
}
