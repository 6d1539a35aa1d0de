/**
 * What comparing recorded answers costs: time, and memory beyond that of an idle process, for growing numbers of pairs, of
 * which a share differs. Against it the script that one writes first: both tables read whole, joined by a Map. Then chats, whose answers
 * all differ by their ids, as streams are stored; half of the requests are sampled, and a tenth of the answers say something else. Against them
 * `comparison/script.py`: pandas, SQL and difflib.
 *
 *   MENAGERIE_BENCH_PAIRS     numbers of pairs (default 100000,1000000)
 *   MENAGERIE_BENCH_CHATS     numbers of chats (default 10000,30000,100000)
 *   MENAGERIE_BENCH_BASELINE  0 leaves the scripts out
 */
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Client } from "pg";
import { compareRecorded } from "../../src/adapters/postgres/predictions/compareRecorded.ts";
import { serverFromUrl, urlOf, withClient } from "../../src/adapters/postgres/server.ts";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../src/adapters/truss/requirementLayer.ts";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { startPostgres } from "../support/postgres.ts";
import { fillChats, fillPairs } from "./comparison/fill.ts";

const numbers = (text: string): number[] =>
  text
    .split(",")
    .map(Number)
    .filter((each) => each > 0);
const sizes = numbers(process.env.MENAGERIE_BENCH_PAIRS ?? "100000,1000000");
const chats = numbers(process.env.MENAGERIE_BENCH_CHATS ?? "10000,30000,100000");
const shares = [1, 100];
const [mode, url, size] = process.argv.slice(2);

async function ours(client: Client): Promise<number> {
  const selection = { primary: { schema: "doubled" }, shadow: { schema: "tripled" } };
  const range = { since: new Date(0), until: new Date() };
  const result = await compareRecorded(client, { ...selection, ...range, rules: {}, percent: 100 }, silent);
  const compared = result.pairs + result.sampled.pairs;
  if (compared !== Number(size)) throw new Error(`${compared} pairs were compared, not ${size}`);
  return result.mismatches + result.sampled.differing;
}

interface Measured {
  readonly seconds: number;
  /** Of the processor, by the comparing process alone. */
  readonly cpuSeconds: number;
  readonly mismatches: number;
  readonly megabytes: number;
}

/** The script that one writes first. */
async function script(client: Client): Promise<number> {
  const read = async (schema: string) =>
    (
      await client.query<{ request_id: string; response_data: unknown; status: number; latency_ms: number }>(
        `SELECT request_id, response_data, status, latency_ms FROM ${schema}.inference_response`,
      )
    ).rows;
  const primary = new Map((await read("doubled")).map((row) => [row.request_id, row]));
  let mismatches = 0;
  for (const row of await read("tripled")) {
    const other = primary.get(row.request_id);
    if (other && !(row.status === other.status && isDeepStrictEqual(row.response_data, other.response_data))) {
      mismatches += 1;
    }
  }
  return mismatches;
}

/** A Python that has what the script imports. */
async function pythonWithPandas(): Promise<string> {
  const options = { cache: menagerieCache(), progress: silent, signal: AbortSignal.timeout(590_000) };
  const layers = await ensurePythonLayers(options);
  const requirements = ["pandas==2.3.3", "psycopg[binary]==3.2.9"];
  const request = { name: "pandas", pythonVersion: layers.python.version, requirements };
  return join((await ensureRequirementLayer(layers, request, options)).folder, "bin", "python");
}

if (mode && url) {
  await withClient(serverFromUrl(url, "the server"), "postgres", async (client) => {
    const idle = process.resourceUsage().maxRSS;
    const started = performance.now();
    const before = process.cpuUsage();
    const mismatches = await (mode === "ours" ? ours(client) : script(client));
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    const cpuSeconds = (user + system) / 1e6;
    console.log(
      JSON.stringify({ seconds, cpuSeconds, mismatches, megabytes: (process.resourceUsage().maxRSS - idle) / 1024 }),
    );
  });
} else {
  const postgres = await startPostgres();
  try {
    const address = urlOf(postgres.server, "postgres");
    const measured = (program: string, args: readonly string[]): Measured => {
      const child = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
      if (child.status !== 0) throw new Error(`${program} ${args[1]} ended with ${child.status}`);
      return JSON.parse(child.stdout) as Measured;
    };
    const run = (which: "ours" | "script", pairs: number): Measured => {
      // The heap of `ours` is Node's own: what it takes is measured.
      const heap = which === "script" ? ["--max-old-space-size=8192"] : [];
      return measured(process.execPath, [...heap, import.meta.filename, which, address, String(pairs)]);
    };
    const tell = (name: string, { seconds, cpuSeconds, megabytes, mismatches }: Measured): void =>
      console.log(
        `${name.padEnd(40)} ${seconds.toFixed(1).padStart(6)} s (${cpuSeconds.toFixed(1)} s of processor)  +${Math.round(megabytes)} MB  ${mismatches} differ  (load ${loadavg()[0]?.toFixed(0)})`,
      );
    const against = (ours: Measured, script: Measured): void =>
      console.log(
        `${"".padEnd(40)} the script takes ${(script.seconds / ours.seconds).toFixed(1)} × the time, ${(script.cpuSeconds / ours.cpuSeconds).toFixed(1)} × the processor, ${(script.megabytes / ours.megabytes).toFixed(1)} × the memory`,
      );
    const isCompared = process.env.MENAGERIE_BENCH_BASELINE !== "0";
    for (const pairs of sizes) {
      for (const share of shares) {
        await withClient(postgres.server, "postgres", (client) => fillPairs(client, pairs, share));
        const ours = run("ours", pairs);
        tell(`${pairs} pairs, ${share} % differ`, ours);
        if (!isCompared) continue;
        const script = run("script", pairs);
        tell("  a script in Node.js", script);
        against(ours, script);
      }
    }
    const python = isCompared && chats.length > 0 ? await pythonWithPandas() : undefined;
    for (const pairs of chats) {
      await withClient(postgres.server, "postgres", (client) => fillChats(client, pairs));
      const ours = run("ours", pairs);
      tell(`${pairs} chats`, ours);
      if (python === undefined) continue;
      const script = measured(python, [join(import.meta.dirname, "comparison", "script.py"), address]);
      tell("  a script with pandas and difflib", script);
      against(ours, script);
    }
  } finally {
    await postgres.stop();
  }
}
