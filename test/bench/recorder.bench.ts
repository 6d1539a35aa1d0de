/**
 * What recording costs a prediction: requests per second and latency of a direct call, of a Node proxy that stores nothing, of the
 * recorder, and of a transformer in KServe's Python SDK with the same job, in turns at the same load; and how many rows of what was
 * answered are stored. Then streams: 64 of 50 tokens a second, and as fast as they go, through the proxy that stores nothing and the recorder.
 * `MENAGERIE_BENCH_ONLY=streams` leaves the first part out. `MENAGERIE_BENCH_SECONDS=2` is the length of a turn; medians of MENAGERIE_BENCH_ROUNDS=5 rounds are printed, and the CPU that each target's own process took.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { packageEnvironment } from "../../src/adapters/truss/packageSource.ts";
import { ensurePythonLayers, shortHash } from "../../src/adapters/truss/python.ts";
import { makeEnvironment } from "../../src/adapters/truss/virtualEnvironment.ts";
import { terminalProgress } from "../../src/cli/terminalProgress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRecorder } from "../support/recorder.ts";
import { cpuSeconds, median } from "./measures.ts";

const seconds = Number(process.env.MENAGERIE_BENCH_SECONDS ?? 2);
const rounds = Number(process.env.MENAGERIE_BENCH_ROUNDS ?? 5);
const onlyStreams = process.env.MENAGERIE_BENCH_ONLY === "streams";
const concurrencies = onlyStreams ? [] : [1, 16, 64];
/** How many streams at a time, and milliseconds between two tokens of one. */
const streams = [
  { at: 64, every: 20 },
  { at: 16, every: 0 },
] as const;
const folder = join(import.meta.dirname, "recorder");
const children: ChildProcess[] = [];

interface Measured {
  readonly sent: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

interface Turn {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpu: number;
}

/** What `streamLoad.ts` prints. */
interface Streamed {
  readonly streams: number;
  readonly pieces: number;
  readonly seconds: number;
  readonly firstP50: number;
  readonly firstP99: number;
  readonly lateP50: number;
  readonly lateP99: number;
  readonly latest: number;
}

interface StreamedTurn extends Streamed {
  readonly rate: number;
  readonly cpu: number;
}

interface Target {
  readonly address: string;
  readonly pid: number | undefined;
}

async function node(file: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(folder, file), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return line;
}

async function served(file: string, ...args: string[]): Promise<Target> {
  const { port } = JSON.parse(await node(file, ...args)) as { port: number };
  return { address: `127.0.0.1:${port}`, pid: children.at(-1)?.pid };
}

/** The Python SDK in an environment of its own, beside those of truss. */
async function pythonTransformer(predictor: string, database: string): Promise<Target> {
  const signal = new AbortController().signal;
  const layers = await ensurePythonLayers({ cache: menagerieCache(), progress: terminalProgress(), signal });
  const requirements = await readFile(join(folder, "requirements.txt"), "utf8");
  const environment = join(layers.root, "bench", shortHash(layers.key, requirements));
  await makeEnvironment({
    folder: environment,
    uv: layers.uv,
    python: layers.python.executable,
    requirements,
    signal,
    packageCache: join(layers.root, "packages"),
    env: await packageEnvironment(process.env, layers.python.executable, signal),
  });
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const child = spawn(
    join(environment, "bin", "python"),
    [
      join(folder, "transformer.py"),
      "--model_name",
      "model",
      "--predictor_host",
      predictor,
      "--http_port",
      String(port),
    ],
    { stdio: ["ignore", "ignore", "ignore"], env: { PATH: process.env.PATH, POSTGRES_URI: database } },
  );
  children.push(child);
  const address = `127.0.0.1:${port}`;
  for (let tries = 0; tries < 300; tries += 1) {
    if ((await fetch(`http://${address}/v1/models/model`).catch(() => undefined))?.ok)
      return { address, pid: child.pid };
    if (child.exitCode !== null) break;
    await delay(200);
  }
  throw new Error("the Python transformer does not start");
}

/** Streams through each target in turns, and what the recorder adds to the proxy that follows it. */
async function measureStreams(targets: Readonly<Record<string, Target>>): Promise<void> {
  console.log(
    "streams  every ms  target       tokens/s  first p50  first p99   late p50   late p99     latest  CPU µs/token",
  );
  for (const { at, every } of streams) {
    const turns = new Map<string, StreamedTurn[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, { address, pid }] of Object.entries(targets)) {
        const cpuBefore = cpuSeconds(pid);
        const length = String(every > 0 ? seconds * 2 : seconds);
        const measured = JSON.parse(
          await node("streamLoad.ts", address, String(at), length, String(every)),
        ) as Streamed;
        const rate = measured.pieces / measured.seconds;
        const cpu = ((cpuSeconds(pid) - cpuBefore) / measured.pieces) * 1e6;
        turns.set(name, [...(turns.get(name) ?? []), { ...measured, rate, cpu }]);
      }
    }
    for (const [name, all] of turns) {
      const middle = (key: keyof StreamedTurn) => median(all.map((turn) => turn[key]));
      const times = (["firstP50", "firstP99", "lateP50", "lateP99", "latest"] as const).map((key) =>
        middle(key).toFixed(2).padStart(9),
      );
      const begin = [
        String(at).padStart(7),
        String(every).padStart(8),
        name.padEnd(11),
        middle("rate").toFixed(0).padStart(9),
      ];
      console.log([...begin, ...times, middle("cpu").toFixed(0).padStart(12)].join("  "));
    }
    const [proxy = [], recorded = []] = [turns.get("plain proxy"), turns.get("recorder")];
    const paired = (of: (recorder: StreamedTurn, proxy: StreamedTurn) => number) =>
      median(recorded.map((turn, round) => of(turn, proxy[round] as StreamedTurn)));
    console.log(
      `         recorder: first token p99 ${paired((a, b) => a.firstP99 - b.firstP99).toFixed(2)} ms later than the proxy's,` +
        ` a token's p99 ${paired((a, b) => a.lateP99 - b.lateP99).toFixed(2)} ms;` +
        ` ${paired((a, b) => a.rate / b.rate).toFixed(2)} × its rate, ${paired((a, b) => a.cpu / b.cpu).toFixed(2)} × its CPU`,
    );
  }
}

const postgres = await startPostgres();
try {
  const predictor = await served("predictor.ts");
  const recorder = await startRecorder({ postgres, predictor: predictor.address, schema: "recorded" });
  await withClient(postgres.server, "postgres", async (client) => {
    for (const [table, column] of [
      ["inference_requests", "request_data"],
      ["inference_response", "response_data"],
    ]) {
      await client.query(`CREATE TABLE ${table} (request_id uuid PRIMARY KEY, at timestamptz, ${column} json)`);
    }
  });
  const { user, password, host, port } = postgres.server;
  const database = `postgresql://${user}:${encodeURIComponent(password ?? "")}@${host}:${port}/postgres`;
  const targets = {
    direct: predictor,
    "plain proxy": await served("plainProxy.ts", predictor.address),
    recorder: { address: new URL(recorder.origin).host, pid: recorder.child.pid },
    ...(onlyStreams ? {} : { "Python KServe": await pythonTransformer(predictor.address, database) }),
  };
  for (const { address } of Object.values(targets)) await node("load.ts", address, "16", "2");
  if (!onlyStreams) console.log("connections  target          requests/s    p50 ms    p99 ms  CPU µs/request");
  for (const connections of concurrencies) {
    const turns = new Map<string, Turn[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, { address, pid }] of Object.entries(targets)) {
        const cpuBefore = cpuSeconds(pid);
        const measured = JSON.parse(await node("load.ts", address, String(connections), String(seconds))) as Measured;
        const turn = {
          rate: measured.sent / measured.seconds,
          p50: measured.p50,
          p99: measured.p99,
          cpu: ((cpuSeconds(pid) - cpuBefore) / measured.sent) * 1e6,
        };
        turns.set(name, [...(turns.get(name) ?? []), turn]);
      }
    }
    for (const [name, all] of turns) {
      const middle = (key: keyof Turn) => median(all.map((turn) => turn[key]));
      const shown = [
        middle("rate").toFixed(0),
        middle("p50").toFixed(2),
        middle("p99").toFixed(2),
        middle("cpu").toFixed(0),
      ];
      const [rate = "", p50 = "", p99 = "", cpu = ""] = shown;
      const columns = [String(connections).padStart(11), name.padEnd(14), rate.padStart(11)];
      console.log([...columns, p50.padStart(8), p99.padStart(8), cpu.padStart(14)].join("  "));
    }
    // Of turns that followed each other, since what else the machine does changes.
    const ratio = (a: string, b: string, key: keyof Turn) =>
      median((turns.get(a) ?? []).map((turn, round) => turn[key] / (turns.get(b)?.[round]?.[key] ?? Number.NaN)));
    console.log(
      `             recorder: ${ratio("recorder", "Python KServe", "rate").toFixed(1)} × the rate of Python` +
        ` at 1/${ratio("Python KServe", "recorder", "cpu").toFixed(0)} of its CPU;` +
        ` the plain proxy has ${ratio("plain proxy", "recorder", "rate").toFixed(2)} × its rate`,
    );
  }
  await measureStreams({ "plain proxy": targets["plain proxy"], recorder: targets.recorder });
  const stored = async (): Promise<number> =>
    Number((await recorder.query<{ n: string }>("SELECT count(*) AS n FROM inference_response"))[0]?.n);
  for (let tries = 0; tries < 300 && (await recorder.metric("menagerie_recorder_log_bytes")) > 0; tries += 1)
    await delay(100);
  const forwarded = await recorder.metric("menagerie_recorder_predictions_total");
  console.log(`rows of the recorder: ${await stored()} stored of ${forwarded} answered`);
  await recorder.dispose();
} finally {
  for (const child of children) child.kill("SIGKILL");
  await postgres.stop();
}
process.exit(0);
