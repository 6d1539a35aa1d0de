import type { MigrationConnection } from "../adapters/postgres/zoo/migration/target.ts";
import type { ExistingTable } from "../domain/zoo/existingTable.ts";

/** The way to rows of a table that was there before the platform. */
export interface ExistingConnection extends MigrationConnection {
  readonly existing: ExistingTable;
}

/** The table of `menagerie:migrationTarget`, as far as rollouts name ids there. */
export interface TargetPlan {
  readonly connection: ExistingConnection;
  /** `menagerie:migrationTarget.databaseUrl`, a secret; undefined where MENAGERIE_MIGRATION_DATABASE_URL says it. */
  readonly url: string | undefined;
  /** The guard's login there. @default it has none, and apps there are not taken back automatically */
  readonly guardRole?: string | undefined;
  /** Whether its rows were counted; a preview may do without. */
  readonly isRead: boolean;
  /** File of the stack, which names the table for commands. */
  readonly stackFile: string;
}
