/**
 * A zoo migration against what a user would run instead, each on its own copy of the same table, with the same writers beside
 * it: the runbook's script (Django's `save()` in a loop), and one bare UPDATE. Rows per second, and what the writers feel.
 *
 *   MENAGERIE_BENCH_ROWS         rows of the table (default 1000000), half of them affected
 *   MENAGERIE_BENCH_SCRIPT_ROWS  rows that the script moves, for its rate (default 20000)
 *   MENAGERIE_BENCH_PYTHON       a Python that has django and psycopg; without it the script is left out
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type DatabaseServer, withClient } from "../../src/adapters/postgres/server.ts";
import { planZooMigration } from "../../src/adapters/postgres/zoo/migration/plan.ts";
import { runMigration } from "../../src/adapters/postgres/zoo/migration/run.ts";
import { type MigrationConnection, movingTarget } from "../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../src/domain/progress.ts";
import { startPostgres } from "../support/postgres.ts";

const rows = Number(process.env.MENAGERIE_BENCH_ROWS ?? 1_000_000);
const scriptRows = Number(process.env.MENAGERIE_BENCH_SCRIPT_ROWS ?? 20_000);
const python = process.env.MENAGERIE_BENCH_PYTHON;
const writers = 4;
/** A writer's pause between two updates, in milliseconds: they are to feel the migration, not to saturate the machine. */
const writerPause = 20;
const idleFor = 15_000;

const postgres = await startPostgres(["fsync=on", "shared_buffers=1GB", "max_wal_size=4GB"]);
const { server } = postgres;
const folder = join(import.meta.dirname, "zooMigration");

async function makeTemplate(): Promise<void> {
  const sql = (await readFile(join(folder, "table.sql"), "utf8")).replaceAll(":rows", String(rows));
  await withClient(server, "postgres", (client) => client.query("CREATE DATABASE template_zoo"));
  await withClient(server, "template_zoo", async (client) => {
    // VACUUM runs in no transaction, and several statements in one message are one.
    for (const statement of sql.replaceAll(":every", "2").split(/;\s*$/m)) {
      if (statement.trim()) await client.query(statement);
    }
  });
}

interface Felt {
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  readonly updates: number;
}

/** Latencies of writers that update random rows of the table while `work` runs; in milliseconds. */
async function felt(database: string, work: () => Promise<void>): Promise<Felt> {
  const latencies: number[] = [];
  const ended = new AbortController();
  const writing = Array.from({ length: writers }, (_, writer) =>
    withClient(server, database, async (client) => {
      let seed = writer + 1;
      while (!ended.signal.aborted) {
        seed = (seed * 48_271) % 2_147_483_647;
        const id = 1_001 + (seed % rows);
        const began = performance.now();
        await client.query("UPDATE oracles_oracleversion SET modified = now() WHERE id = $1", [id]);
        latencies.push(performance.now() - began);
        await sleep(writerPause);
      }
    }),
  );
  try {
    await work();
  } finally {
    ended.abort();
    await Promise.all(writing);
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), longest: at(1), updates: latencies.length };
}

const nobody: Felt = { p50: 0, p99: 0, longest: 0, updates: 0 };

interface Moved {
  readonly rows: number;
  /** Where the contender measured them itself, without its own start. */
  readonly seconds?: number;
}

interface Measured {
  readonly name: string;
  readonly rows: number;
  readonly seconds: number;
  readonly felt: Felt;
}

/** One contender on a fresh copy, after a checkpoint, so that each begins with the same amount of log to write. */
async function contender(name: string, move: (server: DatabaseServer) => Promise<Moved>): Promise<Measured> {
  const database = `zoo_${name.replaceAll(/\W/g, "_").toLowerCase()}`;
  await withClient(server, "postgres", (client) =>
    client.query(`CREATE DATABASE ${database} TEMPLATE template_zoo STRATEGY FILE_COPY`),
  );
  await withClient(server, database, async (client) => {
    await client.query("SELECT sum(length(config::text)) FROM oracles_oracleversion");
    await client.query("CHECKPOINT");
  });
  let measured: Measured | undefined;
  const latency = await felt(database, async () => {
    const began = performance.now();
    const { rows: moved, seconds } = await move({ ...server, maintenanceDatabase: database });
    const elapsed = (performance.now() - began) / 1_000;
    measured = { name, rows: moved, seconds: seconds ?? elapsed, felt: nobody };
  });
  await withClient(server, "postgres", (client) => client.query(`DROP DATABASE ${database}`));
  if (!measured) throw new Error(`${name} moved nothing`);
  const whole = { ...measured, felt: latency };
  print(whole);
  return whole;
}

function print({ name, rows: moved, seconds, felt: { p50, p99, longest, updates } }: Measured): void {
  const rate =
    moved === 0
      ? ""
      : `${String(moved).padStart(8)} rows ${seconds.toFixed(1).padStart(7)} s ${(moved / seconds).toFixed(0).padStart(7)} rows/s`;
  console.log(
    `${name.padEnd(12)} ${rate.padEnd(40)} writers p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${longest.toFixed(0)} ms (${updates} updates)`,
  );
}

const migration = (connection: DatabaseServer): MigrationConnection => ({
  server: connection,
  existing: {
    schema: "public",
    table: "oracles_oracleversion",
    idColumn: "id",
    proxyColumn: "proxy_model_version_id",
    userColumn: "user_id",
  },
});

const run = (direction: "forward" | "reverted") => (connection: DatabaseServer) =>
  movingTarget(migration(connection), async (client, target) => {
    const request = { name: "zoo", from: "1", to: "2", direction } as const;
    return { rows: (await runMigration(client, target, request, { progress: silent })).moved };
  });

try {
  const began = performance.now();
  await makeTemplate();
  console.log(`${rows} rows, half of them affected; made in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const idle = await contender("idle", async () => {
    await sleep(idleFor);
    return { rows: 0 };
  });
  const bare = await contender("bare UPDATE", (connection) =>
    withClient(connection, connection.maintenanceDatabase, async (client) => {
      const sql = "UPDATE oracles_oracleversion SET proxy_model_version_id = 2 WHERE proxy_model_version_id = 1";
      return { rows: (await client.query(sql)).rowCount ?? 0 };
    }),
  );
  const forward = await contender("migration", run("forward"));
  const back = await contender("and back", async (connection) => {
    await run("forward")(connection);
    // At once, before autovacuum has seen what was moved and journaled.
    const asked = performance.now();
    const request = { name: "zoo", from: "1", to: "2", direction: "reverted" } as const;
    const { rows: planned } = await planZooMigration(migration(connection), request);
    const began = performance.now();
    const { rows: moved } = await run("reverted")(connection);
    const inSeconds = (from: number, to: number) => ((to - from) / 1_000).toFixed(1);
    console.log(`the revert's preview, right after forward: ${planned} rows in ${inSeconds(asked, began)} s`);
    return { rows: moved, seconds: (performance.now() - began) / 1_000 };
  });
  const script = python
    ? await contender("script", async ({ host, port, password = "", maintenanceDatabase }) => {
        const args = [join(folder, "script.py"), host, String(port), maintenanceDatabase, password, String(scriptRows)];
        const { stdout } = await promisify(execFile)(python, args);
        const [moved, seconds] = stdout.split(" ").map(Number);
        return { rows: moved ?? 0, seconds: seconds ?? 0 };
      })
    : undefined;
  console.log(`time against the bare UPDATE   ${(forward.seconds / bare.seconds).toFixed(2)}`);
  console.log(`revert against the forward     ${(back.seconds / forward.seconds).toFixed(2)}`);
  console.log(`writers' p99 against idle      ${(forward.felt.p99 / idle.felt.p99).toFixed(2)}`);
  if (script) {
    const ratio = forward.rows / forward.seconds / (script.rows / script.seconds);
    console.log(`rate against the script        ${ratio.toFixed(1)}`);
  }
} finally {
  await postgres.stop();
}
