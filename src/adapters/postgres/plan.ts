import type { ClientBase } from "pg";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import type { RegisteredVersion } from "../../domain/zoo/plan.ts";
import { schemaVersion } from "./migrate.ts";
import { type DatabaseServer, DatabaseUnreachable, withClient } from "./server.ts";
import { inTransaction } from "./transaction.ts";

/** What the platform's tables hold that plans are made from. */
export interface PlatformState {
  /** Name of the last migration. */
  readonly schemaVersion: string;
  /** Registered versions by name of the zoo model. */
  readonly zoo: ReadonlyMap<string, readonly RegisteredVersion[]>;
}

/**
 * Reads the registered versions of `models`, by two queries in one read-only transaction. Answers undefined where the
 * server has no platform tables yet. Throws DatabaseUnreachable when the server does not answer.
 */
export async function readPlatformState(
  server: DatabaseServer,
  models: readonly string[],
): Promise<PlatformState | undefined> {
  try {
    return await withClient(server, platformDatabase, (client) => read(client, models));
  } catch (error) {
    if (error instanceof DatabaseUnreachable && error.absent) return undefined;
    throw error;
  }
}

async function read(client: ClientBase, models: readonly string[]): Promise<PlatformState | undefined> {
  // Outside the transaction, which a missing table would end.
  const version = await schemaVersion(client);
  if (version === undefined) return undefined;
  return inTransaction(client, async () => ({ schemaVersion: version, zoo: await zooVersions(client, models) }), {
    readOnly: true,
  });
}

async function zooVersions(client: ClientBase, models: readonly string[]): Promise<Map<string, RegisteredVersion[]>> {
  const { rows } = await client.query<RegisteredVersion & { model: string }>(
    `SELECT m.name AS model, v.id, v.number, v.truss_hash AS hash, v.is_current AS "isCurrent",
            (SELECT count(*)::integer FROM menagerie.model_version a WHERE a.proxy_model_version_id = v.id) AS apps
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      WHERE m.name = ANY ($1) AND v.proxy_model_version_id IS NULL AND NOT v.is_development
      ORDER BY m.name, v.number`,
    [models],
  );
  return Map.groupBy(rows, ({ model }) => model);
}
