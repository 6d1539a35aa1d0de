import { type DatabaseServer, serverFromUrl } from "../adapters/postgres/server.ts";
import { platformDatabase, roles } from "../domain/platformDatabase.ts";
import type { DatabaseInput } from "./databaseInput.ts";
import { refuse } from "./refusals.ts";

/**
 * The server that a handler works on. The environment wins, because what the state holds may be out of date. Read at
 * call time: what is read when a module loads may end up in the state.
 */
export function databaseServer({ database }: DatabaseInput): DatabaseServer {
  const variable = "MENAGERIE_DATABASE_URL";
  const url = process.env[variable] || database;
  if (!url) {
    throw refuse("database.not-set", { variable });
  }
  return serverFromUrl(url, variable);
}

/** The server of `menagerie:migrationTarget`, whose url names the database too. The environment wins, as above. */
export function migrationTargetServer(databaseUrl: string | undefined): DatabaseServer {
  const variable = "MENAGERIE_MIGRATION_DATABASE_URL";
  const url = process.env[variable] || databaseUrl;
  if (!url) {
    throw refuse("target.not-set", { variable });
  }
  return serverFromUrl(url, process.env[variable] ? variable : "menagerie:migrationTarget.databaseUrl");
}

/** Works in the platform's tables with no more than the deployer's rights. */
export async function asDeployer<T>(
  inputs: DatabaseInput,
  work: (client: import("pg").ClientBase) => Promise<T>,
): Promise<T> {
  // Loaded when needed: a preview only checks and compares.
  const { withClient } = await import("../adapters/postgres/server.ts");
  const { actAs } = await import("../adapters/postgres/transaction.ts");
  return withClient(databaseServer(inputs), platformDatabase, async (client) => {
    await actAs(client, roles.deployer);
    return work(client);
  });
}
