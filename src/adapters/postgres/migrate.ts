import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { PG_MIGRATE_LOCK_ID, runner } from "node-pg-migrate";
import type { ClientBase } from "pg";
import { platformDatabase, platformSchemaName, roles } from "../../domain/platformDatabase.ts";
import type { Progress } from "../../domain/progress.ts";
import type { Rights } from "../../domain/rights/rights.ts";
import { refuse } from "./refusals.ts";
import { applyRights } from "./rights/apply.ts";
import { type DatabaseServer, sqlState, withClient } from "./server.ts";
import { actAs, inTransaction } from "./transaction.ts";

const folder = join(import.meta.dirname, "migrations");
/** In the schema, owned like everything else in it. */
const journal = "schema_migration";

/** Names of the checkout's migrations, in order, such as `0001_platform-tables`. */
export async function migrationNames(): Promise<string[]> {
  return (await readdir(folder))
    .filter((name) => name.endsWith(".sql"))
    .map((name) => name.slice(0, -".sql".length))
    .sort();
}

/**
 * Applies the migrations that are missing, and gives each role exactly the rights that `rights` says, in one transaction: nobody sees a new
 * table without its grants. Answers the name of the last migration. Concurrent calls wait for each other on an advisory lock. The
 * schema, the role {@link roles.owner} and the roles of `rights` must exist.
 */
export function migrate(server: DatabaseServer, progress: Progress, rights: Rights = {}): Promise<string> {
  return withClient(server, platformDatabase, async (client) => {
    await actAs(client, roles.owner);
    const known = await migrationNames();
    const before = await schemaVersion(client);
    if (before !== undefined && !known.includes(before)) {
      throw refuse("schema.newer", { before });
    }
    const applied = await inTransaction(client, async () => {
      // As the runner would, which gives up a lock of its own before the transaction ends.
      await client.query("SELECT pg_advisory_xact_lock($1)", [PG_MIGRATE_LOCK_ID]);
      const ran = await runner({
        dbClient: inOneTransaction(client),
        dir: folder,
        direction: "up",
        schema: platformSchemaName,
        migrationsTable: journal,
        checkOrder: true,
        singleTransaction: true,
        noLock: true,
        logger: { info: () => {}, warn: progress.note, error: () => {} },
      });
      await applyRights(client, platformSchemaName, rights);
      return ran;
    });
    for (const { name } of applied) progress.note(`database: applied ${name}`);
    return (await schemaVersion(client)) ?? "";
  });
}

/** The client for a runner that begins and ends a transaction by itself: here it is a part of another one. */
function inOneTransaction(client: ClientBase): ClientBase {
  const query = (...args: Parameters<ClientBase["query"]>) =>
    ["BEGIN", "COMMIT", "ROLLBACK"].includes(String(args[0])) ? Promise.resolve() : client.query(...args);
  return new Proxy(client, { get: (target, key) => (key === "query" ? query : Reflect.get(target, key)) });
}

/** Name of the last migration that was applied, or undefined where none was. */
export async function schemaVersion(client: ClientBase): Promise<string | undefined> {
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM ${platformSchemaName}.${journal} ORDER BY id DESC LIMIT 1`,
    );
    return rows[0]?.name;
  } catch (error) {
    // No such schema, no such table.
    if (sqlState(error) === "3F000" || sqlState(error) === "42P01") return undefined;
    throw error;
  }
}
