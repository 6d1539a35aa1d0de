import type { ClientBase } from "pg";
import { platformDatabase, platformSchemaName, roles } from "../../../../domain/platformDatabase.ts";
import type { ExistingTable } from "../../../../domain/zoo/existingTable.ts";
import { quoteIdentifier } from "../../identifier.ts";
import { type DatabaseServer, withClient } from "../../server.ts";
import { actAs } from "../../transaction.ts";
import { servedCondition } from "../pointedVersions.ts";
import { toldFailure } from "./failures.ts";

/** Schema that keeps the journal in a database that is not the platform's. */
export const existingJournalSchema = "menagerie_migrations";

/** Where migrations move rows: the platform's own tables, or a table of an existing database. */
export interface MigrationConnection {
  readonly server: DatabaseServer;
  /** @default the platform's tables */
  readonly existing?: ExistingTable | undefined;
}

/** A table of model versions as statements name it: everything is quoted. */
export interface MigrationTarget {
  /** `"schema"."table"`; the journal keeps it too. */
  readonly table: string;
  readonly schemaName: string;
  readonly tableName: string;
  readonly idName: string;
  readonly proxyName: string;
  readonly id: string;
  readonly proxy: string;
  /** Expressions over the row `v`; undefined where the table does not tell. */
  readonly user: string | undefined;
  readonly organization: string | undefined;
  /** Condition on the version `g` that rows are pointed at: it answers predictions; undefined where the table does not tell. */
  readonly served: string | undefined;
  /** Other columns that are read, plain. */
  readonly readNames: readonly string[];
  /** Schema of the journal. */
  readonly journal: string;
}

/** The platform's own model versions, whose user and organization are their model's. */
export const platformTarget: MigrationTarget = {
  table: `${quoteIdentifier(platformSchemaName)}."model_version"`,
  schemaName: platformSchemaName,
  tableName: "model_version",
  idName: "id",
  proxyName: "proxy_model_version_id",
  id: '"id"',
  proxy: '"proxy_model_version_id"',
  user: "(SELECT m.owner_id FROM menagerie.model m WHERE m.id = v.model_id)",
  organization: "(SELECT m.organization_id FROM menagerie.model m WHERE m.id = v.model_id)",
  served: servedCondition("g"),
  readNames: ["model_id"],
  journal: quoteIdentifier(platformSchemaName),
};

/** An existing table as statements name it. Throws an `OperatorError` for what is not a name. */
export function existingTarget(table: ExistingTable): MigrationTarget {
  const column = (name: string | undefined) => (name === undefined ? undefined : `v.${quoteIdentifier(name)}`);
  return {
    table: `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.table)}`,
    schemaName: table.schema,
    tableName: table.table,
    idName: table.idColumn,
    proxyName: table.proxyColumn,
    id: quoteIdentifier(table.idColumn),
    proxy: quoteIdentifier(table.proxyColumn),
    user: column(table.userColumn),
    organization: column(table.organizationColumn),
    served: undefined,
    readNames: [table.userColumn, table.organizationColumn].filter((name) => name !== undefined),
    journal: quoteIdentifier(existingJournalSchema),
  };
}

export function targetOf({ existing }: Pick<MigrationConnection, "existing">): MigrationTarget {
  return existing ? existingTarget(existing) : platformTarget;
}

/** A login's own limits are for the application: counting the apps of a large table takes as long as it takes. */
const limits = `SET statement_timeout = '10min';
  SELECT set_config(name, CASE vartype WHEN 'integer' THEN '0' ELSE 'read committed' END, false) FROM pg_settings
   WHERE name IN ('transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
                  'default_transaction_isolation')`;

/** Connects to where the rows are, with the privileges of the login: for plans, which only read. */
export function readingTarget<T>(
  connection: MigrationConnection,
  work: (client: ClientBase, target: MigrationTarget) => Promise<T>,
): Promise<T> {
  const { server, existing } = connection;
  const database = existing ? server.maintenanceDatabase : platformDatabase;
  return withClient(server, database, async (client) => {
    const target = targetOf(connection);
    try {
      await client.query(limits);
      return await work(client, target);
    } catch (error) {
      throw toldFailure(error, target.table);
    }
  });
}

/** Connects to where the rows are, to move them: in the platform's tables as {@link roles.migrator}. */
export function movingTarget<T>(
  connection: MigrationConnection,
  work: (client: ClientBase, target: MigrationTarget) => Promise<T>,
): Promise<T> {
  return readingTarget(connection, async (client, target) => {
    if (!connection.existing) await actAs(client, roles.migrator);
    return work(client, target);
  });
}
