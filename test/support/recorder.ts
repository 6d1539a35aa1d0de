import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Client } from "pg";
import { quoteIdentifier } from "../../src/adapters/postgres/identifier.ts";
import { ensurePredictionTables } from "../../src/adapters/postgres/predictions/ensureTables.ts";
import { urlOf, withClient } from "../../src/adapters/postgres/server.ts";
import type { TestPostgres } from "./postgres.ts";

const writer = "recorder_writer";
const password = "writer's pass";
const entry = join(import.meta.dirname, "../../src/services/recorder/main.ts");

/** A recorder process with tables and a log folder of its own. */
export interface TestRecorder {
  readonly schema: string;
  readonly folder: string;
  readonly child: ChildProcess;
  readonly origin: string;
  /** Its log lines. */
  readonly lines: string[];
  /** Runs a query whose tables are those of the recorder's schema. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  metric(name: string): Promise<number>;
  /** Ends the process by a signal, and answers how it ended. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Starts it again, on the same tables and log. */
  again(env?: Record<string, string>): Promise<TestRecorder>;
  dispose(): Promise<void>;
}

export interface RecorderPlan {
  readonly postgres: TestPostgres;
  /** HOST:PORT. */
  readonly predictor: string;
  readonly schema: string;
  readonly env?: Record<string, string>;
  readonly folder?: string;
  /** @default true */
  readonly makeTables?: boolean;
  /** @default "postgres" */
  readonly database?: string;
  /** Roles that may read the tables. @default none */
  readonly readers?: readonly string[];
  /** Whom it stores as, in tables that somebody else made. @default a writer of the test's own */
  readonly login?: { readonly user: string; readonly password: string };
}

/** Runs `work` in the schema, with the rights of a superuser. */
function inSchema<T>(
  { postgres, schema, database = "postgres" }: RecorderPlan,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withClient(postgres.server, database, async (client) => {
    await client.query(`SET search_path = ${quoteIdentifier(schema)}`);
    return work(client);
  });
}

/** Makes the tables, with a writer that has no other right than a recorder needs. */
export function makeTables({
  postgres,
  schema,
  database = "postgres",
  readers = [],
}: Pick<RecorderPlan, "postgres" | "schema" | "database" | "readers">): Promise<void> {
  return withClient(postgres.server, database, async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [writer]);
    if (rowCount === 0) await client.query(`CREATE ROLE ${writer} LOGIN PASSWORD '${password.replaceAll("'", "''")}'`);
    await ensurePredictionTables(client, schema, { writers: [writer], readers });
  });
}

export async function startRecorder(plan: RecorderPlan): Promise<TestRecorder> {
  const { postgres, predictor, schema, env = {} } = plan;
  if (plan.makeTables ?? !plan.folder) await makeTables(plan);
  const folder = plan.folder ?? (await mkdtemp(join(tmpdir(), "menagerie-recorder-")));
  // As KServe starts a custom transformer.
  const args = ["--model_name", "model", "--predictor_host", predictor, "--http_port", "0"];
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH,
      MENAGERIE_DATABASE_URL: urlOf(
        { ...postgres.server, user: writer, password, ...plan.login },
        plan.database ?? "postgres",
      ),
      MENAGERIE_RECORDER_SCHEMA: schema,
      MENAGERIE_RECORDER_LOG_DIR: folder,
      ...env,
    },
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const ended = once(child, "exit") as Promise<[number | null]>;
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      const entryOf = JSON.parse(line) as { msg: string; port?: number };
      if (entryOf.msg === "listening") resolve(entryOf.port ?? 0);
    });
    child.once("exit", (code) => reject(new Error(`the recorder ended with ${code}: ${lines.join("\n")}`)));
  });
  const origin = `http://127.0.0.1:${port}`;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return (await ended)[0];
  };
  return {
    schema,
    folder,
    child,
    origin,
    lines,
    end,
    query: (sql, values = []) => inSchema(plan, async (client) => (await client.query(sql, values)).rows),
    async metric(name) {
      const text = await (await fetch(`${origin}/metrics`)).text();
      return text
        .split("\n")
        .filter((line) => line.startsWith(name) && !line.startsWith("#"))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
    again: (more = {}) => startRecorder({ ...plan, folder, makeTables: false, env: { ...env, ...more } }),
    async dispose() {
      if (child.exitCode === null && child.signalCode === null) await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
