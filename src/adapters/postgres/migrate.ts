import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runner } from "node-pg-migrate";
import type { ClientBase } from "pg";
import { platformDatabase, platformSchemaName, roles } from "../../domain/platformDatabase.ts";
import type { Progress } from "../../domain/progress.ts";
import { refuse } from "./refusals.ts";
import { type DatabaseServer, sqlState, withClient } from "./server.ts";
import { actAs } from "./transaction.ts";

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
 * Applies what is missing, all of it in one transaction, and answers the name of the last migration. Concurrent calls
 * wait for each other on an advisory lock. The schema and the role {@link roles.owner} must exist.
 */
export function migrate(server: DatabaseServer, progress: Progress): Promise<string> {
  return withClient(server, platformDatabase, async (client) => {
    await actAs(client, roles.owner);
    const known = await migrationNames();
    const before = await schemaVersion(client);
    if (before !== undefined && !known.includes(before)) {
      throw refuse("schema.newer", { before });
    }
    const applied = await runner({
      dbClient: client,
      dir: folder,
      direction: "up",
      schema: platformSchemaName,
      migrationsTable: journal,
      checkOrder: true,
      singleTransaction: true,
      advisoryLockMode: "wait",
      logger: { info: () => {}, warn: progress.note, error: () => {} },
    });
    for (const { name } of applied) progress.note(`database: applied ${name}`);
    return (await schemaVersion(client)) ?? "";
  });
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
