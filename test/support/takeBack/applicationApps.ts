import { type DatabaseServer, withClient } from "../../../src/adapters/postgres/server.ts";
import { installGuard } from "../../../src/adapters/postgres/zoo/migration/guarded.ts";
import { type RunOptions, runMigration } from "../../../src/adapters/postgres/zoo/migration/run.ts";
import { type MigrationConnection, movingTarget } from "../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../src/domain/progress.ts";
import type { ExistingTable } from "../../../src/domain/zoo/existingTable.ts";
import type { MigrationRequest } from "../../../src/domain/zoo/migration.ts";
import { watched } from "../../integration/adapters/postgres/zoo/migration/world/client.ts";
import type { TestRollout } from "../rolloutTables.ts";

/** Ids of the kind that an application may use. */
export const idKinds = {
  bigint: (n: number) => String(n),
  integer: (n: number) => String(n),
  uuid: (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
  "varchar(40)": (n: number) => `version-${n}`,
} as const;
export type IdKind = keyof typeof idKinds;

const database = "application";
const logins = { migrator: "migrator", guard: "guard_of_apps" } as const;

/** The database of an application with the two logins that Menagerie has there, as docs/migrations.md makes them. */
export async function makeApplication(server: DatabaseServer): Promise<void> {
  await withClient(server, "postgres", async (client) => {
    await client.query(`CREATE DATABASE ${database}`);
    for (const login of Object.values(logins)) await client.query(`CREATE ROLE ${login} LOGIN PASSWORD '${login}'`);
  });
  await withClient(server, database, async (client) => {
    await client.query(`CREATE SCHEMA menagerie_migrations AUTHORIZATION ${logins.migrator}`);
  });
}

/** Who a client of the application's database is. */
export function applicationServer(server: DatabaseServer, login: keyof typeof logins): DatabaseServer {
  return { ...server, user: logins[login], password: logins[login], maintenanceDatabase: database };
}

export interface ApplicationApps {
  readonly guardRole: string;
  readonly connection: MigrationConnection & { readonly existing: ExistingTable };
  /** With every right. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** As an `up` moves them; waits for `between` before the first statement after its first batch. */
  move(
    direction: MigrationRequest["direction"],
    options?: Partial<RunOptions> & {
      readonly resumes?: string | undefined;
      readonly between?: (() => Promise<unknown>) | undefined;
    },
  ): Promise<unknown>;
  /** Ids of the apps that point at the new version, in order. */
  moved(): Promise<string[]>;
}

let made = 0;

/** Apps of the rollout in a table of their own, which point at its old version there; the guard may take them back. */
export async function appsOf(
  rollout: TestRollout,
  server: DatabaseServer,
  apps: number,
  kind: IdKind = "bigint",
): Promise<ApplicationApps> {
  made += 1;
  const [table, id] = [`oracles_${made}`, idKinds[kind]];
  const [from, to] = [id(41), id(57)];
  const query = <Row extends object>(text: string, values: readonly unknown[] = []) =>
    withClient(server, database, async (client) => (await client.query<Row>(text, [...values])).rows);
  await query(
    `CREATE TABLE ${table} (id ${kind} PRIMARY KEY, proxy_model_version_id ${kind} REFERENCES ${table} (id) DEFERRABLE INITIALLY DEFERRED)`,
  );
  await query(`CREATE INDEX ON ${table} (proxy_model_version_id, id)`);
  await query(`INSERT INTO ${table} (id) VALUES ($1), ($2)`, [from, to]);
  for (let app = 0; app < apps; app += 1) await query(`INSERT INTO ${table} VALUES ($1, $2)`, [id(101 + app), from]);
  await query(
    `GRANT SELECT (id, proxy_model_version_id), UPDATE (proxy_model_version_id) ON ${table} TO ${logins.migrator}`,
  );
  const existing = { schema: "public", table, idColumn: "id", proxyColumn: "proxy_model_version_id" };
  const connection = { server: applicationServer(server, "migrator"), existing };
  await movingTarget(connection, (client, target) => installGuard(client, target, logins.guard));
  const target = { table: `"public"."${table}"`, from, to };
  await rollout.query("UPDATE menagerie.rollout SET target_apps = $2 WHERE model_id = $1", [
    rollout.modelId,
    JSON.stringify(target),
  ]);
  return {
    guardRole: logins.guard,
    connection,
    query,
    move: (direction, { resumes, between, ...options } = {}) =>
      movingTarget(connection, (client, own) => {
        let waits = false;
        const before = async (): Promise<void> => {
          if (!waits) return;
          waits = false;
          await between?.();
          between = undefined;
        };
        const request = { name: rollout.model, from, to, direction, resumes };
        return runMigration(watched(client, { before }), own, request, {
          progress: silent,
          ...options,
          onMoved(ids) {
            waits = between !== undefined;
            options.onMoved?.(ids);
          },
        });
      }),
    moved: async () =>
      (
        await query<{ id: string }>(
          `SELECT id::text AS id FROM ${table} WHERE proxy_model_version_id = $1 ORDER BY id`,
          [to],
        )
      ).map((row) => row.id),
  };
}
