/**
 * Requests a second of `menagerie predict --file`, four at once, against what people write in its place: `xargs -P 4` with curl, and
 * httpx in Python. The same requests, in turns, each from the start of its process to its end; medians of MENAGERIE_BENCH_ROUNDS=5.
 * MENAGERIE_BENCH_URL names a model of an environment that is asked in place of a server that costs next to nothing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pythonEnvironment } from "../support/pythonEnvironment.ts";
import { median } from "./measures.ts";

const rounds = Number(process.env.MENAGERIE_BENCH_ROUNDS ?? 5);
const body = '{"values": ["3.3","62.3","324"]}';
const here = import.meta.dirname;
const folder = await mkdtemp(join(tmpdir(), "menagerie-bench-"));
const children: ChildProcess[] = [];

async function servedUrl(): Promise<string> {
  if (process.env.MENAGERIE_BENCH_URL) return process.env.MENAGERIE_BENCH_URL;
  const server = spawn(process.execPath, [join(here, "recorder/predictor.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(server);
  const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  return `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}/v1/models/model:predict`;
}

async function requests(count: number): Promise<string> {
  const file = join(folder, `${count}.jsonl`);
  await writeFile(file, `${body}\n`.repeat(count));
  return file;
}

/** Seconds that a command takes. */
async function seconds(command: string, args: readonly string[]): Promise<number> {
  const begun = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  let said = "";
  child.stderr.on("data", (piece: Buffer) => {
    said += piece;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.slice(-2_000)}`);
  return (performance.now() - begun) / 1000;
}

/** One way to send a file, and how many lines of it a turn has: processes that start for each line take long. */
interface Way {
  readonly name: string;
  readonly lines: number;
  readonly send: (url: string, file: string, out: string) => readonly [string, readonly string[]];
}

const python = await pythonEnvironment("bench-batch", join(here, "batch/requirements.txt"));
const curl = `exec xargs -P 4 -d '\\n' -n 1 curl -s -w '\\n' "$1" -H 'content-type: application/json' -d < "$2" > "$3"`;
const httpx = (name: string, how: string, lines: number): Way => ({
  name,
  lines,
  send: (url, file, out) => [python, [join(here, "batch/client.py"), url, file, out, how]],
});
const ways: readonly Way[] = [
  {
    name: "menagerie",
    lines: 10_000,
    send: (url, file, out) => [
      process.execPath,
      [join(here, "../../src/cli/main.ts"), "predict", url, "--file", file, "--out", out, "--json"],
    ],
  },
  { name: "xargs -P 4 curl", lines: 1_000, send: (url, file, out) => ["sh", ["-c", curl, "sh", url, file, out]] },
  httpx("httpx, one by one", "loop", 3_000),
  httpx("httpx, 4 threads", "threads", 3_000),
  httpx("httpx, 4 tasks", "async", 3_000),
];

try {
  const url = await servedUrl();
  const isModel = process.env.MENAGERIE_BENCH_URL !== undefined;
  const rates = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  console.log(`load ${loadavg()[0]?.toFixed(1)}; ${url}`);
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, lines, send } of ways) {
      const count = isModel ? Math.ceil(lines / 5) : lines;
      const out = join(folder, "answers.jsonl");
      const took = await seconds(...send(url, await requests(count), out));
      rates.get(name)?.push(count / took);
      await rm(out, { force: true });
    }
  }
  const own = median(rates.get("menagerie") ?? []);
  console.log("                    requests/s   lowest  highest  menagerie is so many times as fast");
  for (const [name, all] of rates) {
    const columns = [median(all), Math.min(...all), Math.max(...all)].map((rate) => rate.toFixed(0).padStart(8));
    console.log(`${name.padEnd(20)} ${columns.join(" ")}  ${(own / median(all)).toFixed(1).padStart(8)}`);
  }
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
} finally {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
