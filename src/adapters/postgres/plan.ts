import type { ClientBase } from "pg";
import { messageOf } from "../../domain/errors.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import type { ZooRegistry } from "../../domain/zoo/registry.ts";
import { schemaVersion } from "./migrate.ts";
import { refuse } from "./refusals.ts";
import { type DatabaseServer, DatabaseUnreachable, sqlState, withClient } from "./server.ts";
import { inTransaction } from "./transaction.ts";
import { readEarlierRegistry, readZooRegistry } from "./zoo/registry.ts";

/** What the platform's tables hold that plans are made from. */
export interface PlatformState {
  /** Name of the last migration. */
  readonly schemaVersion: string;
  readonly zoo: ZooRegistry;
}

/** The migration that made the tables of rollouts. */
const rolloutTables = "0006_rollouts";

/**
 * Reads the zoo, with `models` whether they stand somewhere or not and the apps that `leave` names as staying by choice, in one read-only transaction. Answers undefined where the
 * server has no platform tables yet. Throws DatabaseUnreachable when the server does not answer.
 */
export async function readPlatformState(
  server: DatabaseServer,
  models: readonly string[] | "every",
  leave: readonly string[] = [],
): Promise<PlatformState | undefined> {
  try {
    return await withClient(server, platformDatabase, (client) => read(client, models, leave));
  } catch (error) {
    if (error instanceof DatabaseUnreachable && error.absent) return undefined;
    // The migrations that made it are recorded, so that none makes it again.
    if (sqlState(error) === "42P01") {
      throw refuse(
        "schema.broken",
        { platformDatabase, host: server.host, port: server.port, reason: messageOf(error) },
        error,
      );
    }
    throw error;
  }
}

async function read(
  client: ClientBase,
  models: readonly string[] | "every",
  leave: readonly string[],
): Promise<PlatformState | undefined> {
  // Outside the transaction, which a missing table would end.
  const version = await schemaVersion(client);
  if (version === undefined) return undefined;
  const readZoo = version < rolloutTables ? readEarlierRegistry : readZooRegistry;
  return inTransaction(client, async () => ({ schemaVersion: version, zoo: await readZoo(client, models, leave) }), {
    readOnly: true,
  });
}
