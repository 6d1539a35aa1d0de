/**
 * What comparing recorded answers costs: time, and memory beyond that of an idle process, for growing numbers of pairs, of
 * which a share differs. Against it the script that one writes first: both tables read whole, joined by a Map.
 * `MENAGERIE_BENCH_PAIRS=100000,1000000` chooses the numbers, `MENAGERIE_BENCH_BASELINE=0` leaves the script out.
 */
import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import type { Client } from "pg";
import { compareRecorded } from "../../src/adapters/postgres/predictions/compareRecorded.ts";
import { ensurePredictionTables } from "../../src/adapters/postgres/predictions/ensureTables.ts";
import { serverFromUrl, urlOf, withClient } from "../../src/adapters/postgres/server.ts";
import { silent } from "../../src/domain/progress.ts";
import { startPostgres } from "../support/postgres.ts";

const sizes = (process.env.MENAGERIE_BENCH_PAIRS ?? "100000,1000000").split(",").map(Number);
const shares = [1, 100];
const [mode, url, size] = process.argv.slice(2);

/** Pairs whose answers hold ten numbers and a label, over the hours of yesterday; `share` percent of them differ. */
async function fill(client: Client, pairs: number, share: number): Promise<void> {
  for (const schema of ["doubled", "tripled"]) {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await ensurePredictionTables(client, schema);
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
    await client.query(
      `INSERT INTO ${schema}.inference_requests
         (day, request_id, attempt, request_time, request_data, request_bytes, truncated, unpaired, predict_url, headers)
       SELECT at::date, md5(n::text), 1, at AT TIME ZONE 'UTC', jsonb_build_object('values', jsonb_build_array(n, n + 1)),
              30, false, false, '/v1/models/model:predict', '{}'
         FROM generate_series(1, $1::integer) n,
              LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') - interval '1 day' + n * interval '80 ms') t(at)`,
      [pairs],
    );
    await client.query(
      `INSERT INTO ${schema}.inference_response
         (day, request_id, attempt, response_data, response_bytes, truncated, status, latency_ms, model_version)
       SELECT day, request_id, attempt,
              jsonb_build_object('label', 'setosa', 'scores',
                (SELECT jsonb_agg(((request_data->'values'->>0)::double precision + k) * CASE WHEN $1 THEN 1.5 ELSE 1 END)
                   FROM generate_series(1, 10) k)),
              200, false, 200, 5 + random() * 20, 'v1'
         FROM (SELECT *, (request_data->'values'->>0)::integer % 100 < $2 AS changed FROM ${schema}.inference_requests) q
        WHERE NOT ($1 AND NOT changed)`,
      [schema === "tripled", share],
    );
    if (schema === "tripled") {
      await client.query(
        `INSERT INTO tripled.inference_response SELECT * FROM doubled.inference_response
         ON CONFLICT DO NOTHING`,
      );
    }
    await client.query(`ANALYZE ${schema}.inference_requests, ${schema}.inference_response`);
  }
}

async function ours(client: Client): Promise<number> {
  const selection = { primary: { schema: "doubled" }, shadow: { schema: "tripled" } };
  const range = { since: new Date(0), until: new Date() };
  const result = await compareRecorded(client, { ...selection, ...range, rules: {}, percent: 100 }, silent);
  if (result.pairs !== Number(size)) throw new Error(`${result.pairs} pairs were compared, not ${size}`);
  return result.mismatches;
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

if (mode && url) {
  await withClient(serverFromUrl(url, "the server"), "postgres", async (client) => {
    const idle = process.resourceUsage().maxRSS;
    const started = performance.now();
    const mismatches = await (mode === "ours" ? ours(client) : script(client));
    const seconds = (performance.now() - started) / 1000;
    console.log(JSON.stringify({ seconds, mismatches, megabytes: (process.resourceUsage().maxRSS - idle) / 1024 }));
  });
} else {
  const postgres = await startPostgres();
  try {
    const address = urlOf(postgres.server, "postgres");
    for (const pairs of sizes) {
      for (const share of shares) {
        await withClient(postgres.server, "postgres", (client) => fill(client, pairs, share));
        const run = (which: string) => {
          const child = spawnSync(
            process.execPath,
            ["--max-old-space-size=8192", import.meta.filename, which, address, String(pairs)],
            { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
          );
          if (child.status !== 0) throw new Error(`${which} ended with ${child.status}`);
          return JSON.parse(child.stdout) as { seconds: number; mismatches: number; megabytes: number };
        };
        const tell = (name: string, { seconds, megabytes, mismatches }: ReturnType<typeof run>): void =>
          console.log(
            `${String(pairs).padStart(8)} pairs, ${String(share).padStart(3)} % differ  ${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s  ` +
              `${Math.round(pairs / seconds)} pairs/s  +${Math.round(megabytes)} MB  ${mismatches} mismatches`,
          );
        tell("ours", run("ours"));
        if (process.env.MENAGERIE_BENCH_BASELINE !== "0") tell("a script", run("script"));
      }
    }
  } finally {
    await postgres.stop();
  }
}
