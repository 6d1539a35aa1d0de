import { listShownMigrations } from "../../../adapters/postgres/zoo/migration/journal.ts";
import { type MigrationConnection, readingTarget } from "../../../adapters/postgres/zoo/migration/target.ts";
import type { ShownMigration } from "../../../domain/zoo/shownStanding.ts";
import { operatorServer } from "../../operatorDatabase.ts";

/** The migrations of the platform's tables, the one that was changed last first. */
export async function readMigrations(environment: string): Promise<ShownMigration[]> {
  return migrationsOf({ server: await operatorServer(environment) });
}

/** The same of any table that apps are in. */
export function migrationsOf(connection: MigrationConnection): Promise<ShownMigration[]> {
  return readingTarget(connection, listShownMigrations);
}
