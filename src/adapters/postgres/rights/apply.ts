import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../../../domain/platformDatabase.ts";
import {
  inEachSequence,
  objectOf,
  type Right,
  type Rights,
  rightsOf,
  rightsWithout,
} from "../../../domain/rights/rights.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "../refusals.ts";
import { type DatabaseServer, DatabaseUnreachable, withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import { readCatalog } from "./catalog.ts";

/**
 * Gives each role of `wanted` exactly its rights in the schema and in the current database: what is missing is granted, what it has
 * besides is revoked. It is the last act of the caller's transaction, so that others see all of it at once, and no role is without a
 * right for a moment. Where nothing differs, nothing is locked. The session's login must be a member of both owners.
 * @throws OperatorError for a right that somebody else than the owner gave: it is revoked by whoever gave it.
 */
export async function applyRights(client: ClientBase, schema: string, wanted: Rights): Promise<void> {
  const differences = () => readDifferences(client, schema, wanted);
  if ((await differences()).length === 0) return;
  // Two changes of one object's rights at once end in "tuple concurrently updated"; the key is that of the local plugin's grants.
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.grant', 0))");
  const place = await placeOf(client, schema);
  for (const { role, extra } of await differences()) await change(client, place, "REVOKE", role, extra);
  // Asked again, because what is revoked of a whole table takes the rights in its columns along.
  for (const { role, missing } of await differences()) await change(client, place, "GRANT", role, missing);
  const [left] = await differences();
  if (!left) return;
  const [right] = [...left.extra, ...left.missing];
  throw refuse("rights.not-applied", {
    role: left.role,
    what: right ? `${right.privilege} on ${objectOf(right)}` : "",
    schema,
  });
}

/** {@link applyRights} in a transaction of its own. A database that does not exist holds no rights. */
export async function applyRightsIn(server: DatabaseServer, schema: string, wanted: Rights): Promise<void> {
  try {
    await withClient(server, platformDatabase, async (client) => {
      for (const owner of [roles.owner, roles.state]) await actAs(client, owner);
      await client.query("RESET ROLE");
      await inTransaction(client, () => applyRights(client, schema, wanted));
    });
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable && error.absent)) throw error;
  }
}

interface Difference {
  readonly role: string;
  readonly missing: readonly Right[];
  readonly extra: readonly Right[];
}

async function readDifferences(client: ClientBase, schema: string, wanted: Rights): Promise<Difference[]> {
  const { granted, sequences } = await readCatalog(client, schema, wanted);
  return Object.entries(wanted).flatMap(([role, described]) => {
    const own = granted.filter((each) => each.role === role);
    const rights = inEachSequence(rightsOf(described), sequences);
    const [missing, extra] = [rightsWithout(rights, own), rightsWithout(own, rights)];
    return missing.length + extra.length > 0 ? [{ role, missing, extra }] : [];
  });
}

/** Where rights are changed, and whose objects they are: owners alone grant and revoke. */
interface Place {
  readonly database: string;
  readonly databaseOwner: string;
  readonly schema: string;
  /** Null where the schema is gone: rights in the database may be left. */
  readonly schemaOwner: string | null;
}

async function placeOf(client: ClientBase, schema: string): Promise<Place> {
  const { rows } = await client.query<Omit<Place, "schema">>(
    `SELECT datname AS database, pg_get_userbyid(datdba) AS "databaseOwner",
            (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1) AS "schemaOwner"
       FROM pg_database WHERE datname = current_database()`,
    [schema],
  );
  return { ...(rows[0] as Omit<Place, "schema">), schema };
}

async function change(
  client: ClientBase,
  place: Place,
  verb: "GRANT" | "REVOKE",
  role: string,
  rights: readonly Right[],
): Promise<void> {
  const grantee = role === "public" ? "PUBLIC" : quoteIdentifier(role);
  for (const [first, ...others] of Map.groupBy(rights, objectOf).values()) {
    if (!first) continue;
    const owner = first.kind === "database" ? place.databaseOwner : place.schemaOwner;
    if (owner === null) throw new Error(`there is no schema "${place.schema}"`);
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(owner)}`);
    const privileges = [first, ...others].map(privilegeText).join(", ");
    const on = `${verb} ${privileges} ON ${objectText(first, place)}`;
    // Whoever has a right by the role's grant option has it against the files, too.
    await client.query(verb === "GRANT" ? `${on} TO ${grantee}` : `${on} FROM ${grantee} CASCADE`);
  }
}

function privilegeText({ privilege, column }: Right): string {
  return column === undefined ? privilege : `${privilege} (${quoteIdentifier(column)})`;
}

function objectText({ kind, name }: Right, { database, schema }: Place): string {
  switch (kind) {
    case "database":
      return `DATABASE ${quoteIdentifier(database)}`;
    case "schema":
      return `SCHEMA ${quoteIdentifier(schema)}`;
    case "function": {
      const [, own = "", types = ""] = /^(.*)(\([^(]*\))$/.exec(name) ?? [];
      return `FUNCTION ${quoteIdentifier(schema)}.${quoteIdentifier(own)}${types}`;
    }
    default:
      return `${kind.toUpperCase()} ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  }
}
