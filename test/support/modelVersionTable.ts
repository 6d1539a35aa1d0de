import type { ClientBase } from "pg";
import { quoteIdentifier } from "../../src/adapters/postgres/identifier.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import type { MigrationConnection } from "../../src/adapters/postgres/zoo/migration/target.ts";
import type { ExistingTable } from "../../src/domain/zoo/existingTable.ts";
import type { TestPostgres } from "./postgres.ts";

/** A table of model versions as an application has it, in a database of its own. */
export interface ModelVersionTable {
  readonly connection: MigrationConnection & { readonly existing: ExistingTable };
  /** `"schema"."table"` */
  readonly name: string;
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Digest of every column of every row, but for the proxies when told so. */
  digest(options?: { readonly withoutProxies: boolean }): Promise<string>;
  /** Works on one more connection. */
  using<T>(work: (client: ClientBase) => Promise<T>): Promise<T>;
}

export interface TableOptions {
  readonly idType?: "bigint" | "text" | "uuid" | "integer" | "character varying(40)" | "character(8)";
  readonly schema?: string;
  readonly table?: string;
  /** @default true */
  readonly index?: boolean;
  /**
   * In a database of its own, which takes a third of a second to make.
   * @default false
   */
  readonly ownDatabase?: boolean;
}

let made = 0;

/** Makes the table, empty, in a schema of its own. Columns: id, proxy, user id, organization id, a text and a time. */
export async function makeModelVersionTable(
  { server }: TestPostgres,
  options: TableOptions = {},
): Promise<ModelVersionTable> {
  made += 1;
  const { idType = "bigint", table = "oracles_oracleversion", index = true, ownDatabase = false } = options;
  const schema = options.schema ?? `application_${made}`;
  const database = ownDatabase ? `application_${process.pid}_${made}` : "postgres";
  if (ownDatabase) await withClient(server, "postgres", (client) => client.query(`CREATE DATABASE ${database}`));
  const own = { ...server, maintenanceDatabase: database };
  const using = <T>(work: (client: ClientBase) => Promise<T>) => withClient(own, database, work);
  const name = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
  await using((client) =>
    client.query(
      `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};
       CREATE TABLE ${name} (id ${idType} PRIMARY KEY, proxy_model_version_id ${idType}, user_id integer,
         organization_id text, name text NOT NULL DEFAULT '', modified timestamptz NOT NULL DEFAULT now());
       ${index ? `CREATE INDEX ON ${name} (proxy_model_version_id, id)` : ""}`,
    ),
  );
  const existing: ExistingTable = {
    schema,
    table,
    idColumn: "id",
    proxyColumn: "proxy_model_version_id",
    userColumn: "user_id",
    organizationColumn: "organization_id",
  };
  const query = <Row extends object>(sql: string, values: readonly unknown[] = []) =>
    using(async (client) => (await client.query<Row>(sql, [...values])).rows);
  return {
    connection: { server: own, existing },
    name,
    query,
    using,
    async digest({ withoutProxies } = { withoutProxies: false }) {
      const row = withoutProxies ? "to_jsonb(v) - 'proxy_model_version_id'" : "to_jsonb(v)";
      const rows = await query<{ digest: string }>(
        `SELECT md5(coalesce(string_agg((${row})::text, ';' ORDER BY id), '')) AS digest FROM ${name} v`,
      );
      return rows[0]?.digest ?? "";
    },
  };
}

/**
 * Fills it: versions 1 and 2 of the zoo, other zoo versions 3, and `apps` rows from id 101, two thirds on version 1, two of
 * three users in each organization.
 */
export async function fill({ name, query }: ModelVersionTable, apps: number): Promise<void> {
  await query(`INSERT INTO ${name} (id, name) VALUES (1, 'old'), (2, 'new'), (3, 'other')`);
  await query(
    `INSERT INTO ${name} (id, proxy_model_version_id, user_id, organization_id, name)
     SELECT 100 + n, CASE WHEN n % 3 = 0 THEN 3 ELSE 1 END, n % 7, 'organization ' || n % 11, 'app ' || n
       FROM generate_series(1, $1::integer) n`,
    [apps],
  );
}
