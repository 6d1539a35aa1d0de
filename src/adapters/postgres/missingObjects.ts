import type { ClientBase } from "pg";
import type { StateResource } from "../../domain/engineState.ts";
import { isMapping } from "../../domain/mapping.ts";
import { platformDatabase, platformSchemaName } from "../../domain/platformDatabase.ts";
import { predictionTableNames } from "../../domain/recording/tablesRevision.ts";
import type { Rights } from "../../domain/rights/rights.ts";
import { lackingRights } from "./rights/lacking.ts";
import { type DatabaseServer, withClient } from "./server.ts";

export interface MissingSqlOptions {
  /**
   * Whether the platform's own tables may be created again, empty. If not, a server without them counts as having lost nothing: it may be
   * the wrong server.
   */
  readonly mayBeginAnew: boolean;
}

const role = "postgresql:index/role:Role";
const database = "postgresql:index/database:Database";
const schema = "postgresql:index/schema:Schema";
const platformSchema = "pulumi-nodejs:dynamic/menagerie:PlatformSchema";
const predictionTables = "pulumi-nodejs:dynamic/menagerie:PredictionTables";

/** A resource of the state that the server does not hold, or not as a whole. */
export interface MissingResource extends StateResource {
  /** What is missing, where that is not all of it: rights, such as `menagerie_api: SELECT on table model`. */
  readonly what?: string;
}

/**
 * Those of a stack's resources whose PostgreSQL objects a server does not hold, such as after a person dropped a role or a schema or
 * revoked a right, and with them all that is or may be in what is missing: tables, rows.
 */
export async function missingSqlObjects(
  server: DatabaseServer,
  resources: readonly StateResource[],
  { mayBeginAnew }: MissingSqlOptions,
): Promise<MissingResource[]> {
  if (!resources.some(({ type }) => type.startsWith("postgresql:"))) return [];
  const { roles, databases } = await withClient(server, server.maintenanceDatabase, async (client) => ({
    roles: await names(client, "SELECT rolname AS name FROM pg_roles"),
    databases: await names(client, "SELECT datname AS name FROM pg_database"),
  }));
  const schemasOf = new Map<string, ReadonlySet<string>>();
  for (const name of new Set(resources.flatMap((each) => (each.type === schema ? [text(each, "database")] : [])))) {
    if (!databases.has(name)) continue;
    await withClient(server, name, async (client) => {
      schemasOf.set(name, await names(client, "SELECT nspname AS name FROM pg_namespace"));
    });
  }
  const revoked = databases.has(platformDatabase) ? await withoutRights(server, resources) : [];
  const isMissing = (each: StateResource): boolean => {
    const name = text(each, "name");
    if (each.type === role) return !roles.has(name);
    if (each.type === database) return !databases.has(name);
    return each.type === schema && !schemasOf.get(text(each, "database"))?.has(name);
  };
  const lost = resources.filter(isMissing);
  if (!mayBeginAnew && lost.some(holdsThePlatform)) return [];
  const empty = await withoutTables(server, { roles, databases }, resources);
  const gone = {
    role: namesOf(lost, role),
    database: namesOf(lost, database),
    schema: namesOf(lost, schema),
  };
  // Whatever is in a database or schema went with it; of the rows the resources' own code says whether they did.
  const within = resources.filter(
    (each) =>
      (each.type.startsWith("postgresql:") &&
        (["role", "database", "schema"] as const).some((key) => gone[key].has(text(each, key)))) ||
      (isDynamic(each) && gone.schema.size + gone.database.size > 0),
  );
  const whole = new Set([...lost, ...within, ...empty]);
  const known = new Set([...whole].map(({ urn }) => urn));
  return [...whole, ...revoked.filter(({ urn }) => !known.has(urn))];
}

/** Those whose roles lack a right that the state says they have. */
async function withoutRights(server: DatabaseServer, resources: readonly StateResource[]): Promise<MissingResource[]> {
  const holders = resources.filter((each) => isDynamic(each) && isMapping(each.outputs?.rights));
  if (holders.length === 0) return [];
  return withClient(server, platformDatabase, async (client) => {
    const found: MissingResource[] = [];
    for (const each of holders) {
      const own = each.type === platformSchema ? platformSchemaName : text(each, "schema");
      const what = await lackingRights(client, own, each.outputs?.rights as Rights);
      if (what.length > 0) found.push({ ...each, what: what.join("; ") });
    }
    return found;
  });
}

function isDynamic({ type }: StateResource): boolean {
  return type.startsWith("pulumi-nodejs:dynamic/menagerie:");
}

function holdsThePlatform(each: StateResource): boolean {
  return (
    (each.type === database && text(each, "name") === platformDatabase) ||
    (each.type === schema && text(each, "name") === platformSchemaName)
  );
}

/** Recorded models whose schema is there and lacks a table, or whose recorder's role is gone. */
async function withoutTables(
  server: DatabaseServer,
  { roles, databases }: { readonly roles: ReadonlySet<string>; readonly databases: ReadonlySet<string> },
  resources: readonly StateResource[],
): Promise<StateResource[]> {
  const recorded = resources.filter(({ type }) => type === predictionTables);
  if (recorded.length === 0 || !databases.has(platformDatabase)) return [];
  const whole = await withClient(server, platformDatabase, (client) =>
    names(
      client,
      "SELECT schemaname AS name FROM pg_tables WHERE tablename = ANY ($1) GROUP BY 1 HAVING count(*) = cardinality($1)",
      [[...predictionTableNames]],
    ),
  );
  return recorded.filter((each) => !whole.has(text(each, "schema")) || !roles.has(text(each, "writer")));
}

async function names(client: ClientBase, query: string, values: unknown[] = []): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(query, values);
  return new Set(rows.map(({ name }) => name));
}

function namesOf(resources: readonly StateResource[], type: string): ReadonlySet<string> {
  return new Set(resources.filter((each) => each.type === type).map((each) => text(each, "name")));
}

function text({ outputs }: StateResource, key: string): string {
  const value = outputs?.[key];
  return typeof value === "string" ? value : "";
}
