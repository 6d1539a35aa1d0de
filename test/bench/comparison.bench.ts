/**
 * What comparing recorded answers costs: time, and memory beyond that of an idle process, for growing numbers of pairs, of
 * which a share differs. Against it the script that one writes first: both tables read whole, joined by a Map. Then chats, whose answers
 * all differ by their ids, as streams are stored; half of the requests are sampled, and a tenth of the answers say something else.
 * `MENAGERIE_BENCH_PAIRS=100000,1000000` and `MENAGERIE_BENCH_CHATS=100000` choose the numbers, `MENAGERIE_BENCH_BASELINE=0` leaves the script
 * out.
 */
import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import type { Client } from "pg";
import { compareRecorded } from "../../src/adapters/postgres/predictions/compareRecorded.ts";
import { ensurePredictionTables } from "../../src/adapters/postgres/predictions/ensureTables.ts";
import { serverFromUrl, urlOf, withClient } from "../../src/adapters/postgres/server.ts";
import { silent } from "../../src/domain/progress.ts";
import { startPostgres } from "../support/postgres.ts";

const numbers = (text: string): number[] =>
  text
    .split(",")
    .map(Number)
    .filter((each) => each > 0);
const sizes = numbers(process.env.MENAGERIE_BENCH_PAIRS ?? "100000,1000000");
const chats = numbers(process.env.MENAGERIE_BENCH_CHATS ?? "100000");
/** Words of an answer; a stream has an event for each. */
const wordsOfAnswer = 150;
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

/** Chats as recorders store them: the joined answer, the stream beside it, the first token's time, the tokens. */
async function fillChats(client: Client, pairs: number): Promise<void> {
  for (const schema of ["doubled", "tripled"]) {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await ensurePredictionTables(client, schema);
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
    await client.query(
      `INSERT INTO ${schema}.inference_requests
         (day, request_id, attempt, request_time, request_data, request_bytes, truncated, unpaired, predict_url, headers, operation)
       SELECT at::date, md5(n::text), 1, at AT TIME ZONE 'UTC',
              jsonb_build_object('model', 'm', 'stream', true, 'temperature', n % 2, 'messages',
                jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'question ' || n))),
              120, false, false, '/v1/chat/completions', '{}', 'chat'
         FROM generate_series(1, $1::integer) n,
              LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') - interval '1 day' + n * interval '80 ms') t(at)`,
      [pairs],
    );
    await client.query(
      `INSERT INTO ${schema}.inference_response
         (day, request_id, attempt, response_data, response_raw, response_bytes, truncated, status, latency_ms, model_version, streamed,
          first_token_ms, prompt_tokens, completion_tokens)
       SELECT q.day, q.request_id, 1,
              jsonb_build_object('id', $1 || q.request_id, 'object', 'chat.completion', 'created', 1, 'model', 'm',
                'usage', jsonb_build_object('prompt_tokens', 9, 'completion_tokens', $2::integer, 'total_tokens', 9 + $2::integer),
                'choices', jsonb_build_array(jsonb_build_object('index', 0, 'finish_reason', 'stop', 'message',
                  jsonb_build_object('role', 'assistant', 'content', said.content)))),
              convert_to(repeat('data: {"id":"' || $1 || q.request_id || '","choices":[{"index":0,"delta":{"content":"word "}}]}' || chr(10) || chr(10),
                $2::integer), 'UTF8'),
              100 * $2::integer, false, 200, 3000 + random() * 1000, 'v1', true, 100 + random() * 200, 9, $2::integer
         FROM ${schema}.inference_requests q,
              LATERAL (SELECT string_agg('w' || (hashtext(q.request_id) + k) % 5000, ' ' ORDER BY k)
                              || CASE WHEN $1 = 'tripled' AND hashtext(q.request_id) % 10 = 0 THEN ' otherwise' ELSE '' END
                         FROM generate_series(1, $2::integer) k) said(content)`,
      [schema, wordsOfAnswer],
    );
    await client.query(`ANALYZE ${schema}.inference_requests, ${schema}.inference_response`);
  }
}

async function ours(client: Client): Promise<number> {
  const selection = { primary: { schema: "doubled" }, shadow: { schema: "tripled" } };
  const range = { since: new Date(0), until: new Date() };
  const result = await compareRecorded(client, { ...selection, ...range, rules: {}, percent: 100 }, silent);
  const compared = result.pairs + result.sampled.pairs;
  if (compared !== Number(size)) throw new Error(`${compared} pairs were compared, not ${size}`);
  return result.mismatches;
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
    const runOf = (pairs: number) => (which: string) => {
      const child = spawnSync(
        process.execPath,
        ["--max-old-space-size=8192", import.meta.filename, which, address, String(pairs)],
        { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
      );
      if (child.status !== 0) throw new Error(`${which} ended with ${child.status}`);
      return JSON.parse(child.stdout) as Measured;
    };
    const tell = (
      name: string,
      of: string,
      pairs: number,
      { seconds, cpuSeconds, megabytes, mismatches }: Measured,
    ): void =>
      console.log(
        `${String(pairs).padStart(8)} ${of.padEnd(22)} ${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s (${cpuSeconds.toFixed(1)} s of processor)  ` +
          `${Math.round(pairs / seconds)} pairs/s  +${Math.round(megabytes)} MB  ${mismatches} mismatches`,
      );
    for (const pairs of sizes) {
      for (const share of shares) {
        await withClient(postgres.server, "postgres", (client) => fill(client, pairs, share));
        const run = runOf(pairs);
        const of = `pairs, ${String(share).padStart(3)} % differ`;
        tell("ours", of, pairs, run("ours"));
        if (process.env.MENAGERIE_BENCH_BASELINE !== "0") tell("a script", of, pairs, run("script"));
      }
    }
    for (const pairs of chats) {
      await withClient(postgres.server, "postgres", (client) => fillChats(client, pairs));
      tell("ours", "chats", pairs, runOf(pairs)("ours"));
    }
  } finally {
    await postgres.stop();
  }
}
