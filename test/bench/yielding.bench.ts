/**
 * What a batch leaves to others: how long others' requests take while nobody else asks, while a loop of as many senders asks that never
 * yields, and while `menagerie predict --file` does. The model answers one request at a time, in MENAGERIE_BENCH_MILLISECONDS=10; two others
 * ask it ten times a second each. In turns of MENAGERIE_BENCH_SECONDS=20, of which the first quarter is not counted; medians of
 * MENAGERIE_BENCH_ROUNDS=3 rounds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { median } from "./measures.ts";

const seconds = Number(process.env.MENAGERIE_BENCH_SECONDS ?? 20);
const rounds = Number(process.env.MENAGERIE_BENCH_ROUNDS ?? 3);
const milliseconds = process.env.MENAGERIE_BENCH_MILLISECONDS ?? "10";
const senders = 16;
const here = import.meta.dirname;
const body = '{"values": ["3.3"]}';
const folder = await mkdtemp(join(tmpdir(), "menagerie-bench-"));
const children: ChildProcess[] = [];

interface Turn {
  readonly p50: number;
  readonly p95: number;
  /** Of the batch. */
  readonly rate: number;
}

function started(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function lineOf({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error("the process has no output");
  const [line] = (await once(createInterface({ input: stdout }), "line")) as [string];
  return line;
}

const { port } = JSON.parse(await lineOf(started(join(here, "yielding/model.ts"), milliseconds))) as { port: number };
const url = `http://127.0.0.1:${port}/v1/models/model:predict`;
const dispatcher = new Agent();

/** How long each request of two clients takes, in milliseconds. */
async function others(): Promise<number[]> {
  const latencies: number[] = [];
  const begun = performance.now();
  const client = async (): Promise<void> => {
    for (let now = begun; now < begun + seconds * 1000; now = performance.now()) {
      const answer = await request(url, { method: "POST", body, dispatcher });
      await answer.body.dump();
      const took = performance.now() - now;
      if (now > begun + (seconds * 1000) / 4) latencies.push(took);
      await delay(Math.max(0, 100 - took));
    }
  };
  await Promise.all([client(), delay(50).then(client)]);
  return latencies.sort((a, b) => a - b);
}

/** What asks beside the others, until it is stopped; answers how many requests it had answered. */
interface Batch {
  readonly stop: () => Promise<number>;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

const ways: Readonly<Record<string, () => Promise<Batch>>> = {
  nobody: async () => ({ stop: async () => 0 }),
  "16 senders": async () => {
    const load = started(join(here, "recorder/load.ts"), `127.0.0.1:${port}`, String(senders), String(seconds));
    const line = lineOf(load);
    return {
      async stop() {
        const { sent } = JSON.parse(await line) as { sent: number };
        await ended(load);
        return sent;
      },
    };
  },
  "menagerie predict": async () => {
    const file = join(folder, "requests.jsonl");
    const out = join(folder, "answers.jsonl");
    await writeFile(file, `${body}\n`.repeat(100_000));
    await rm(out, { force: true });
    const cli = join(here, "../../src/cli/main.ts");
    const options = ["--file", file, "--out", out, "--concurrency", String(senders), "--json"];
    const batch = started(cli, "predict", url, ...options);
    return {
      async stop() {
        batch.kill("SIGINT");
        await ended(batch);
        return (await readFile(out, "utf8")).split("\n").length - 1;
      },
    };
  },
};

async function turn(begin: () => Promise<Batch>): Promise<Turn> {
  const batch = await begin();
  const latencies = await others();
  const answered = await batch.stop();
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), rate: answered / seconds };
}

try {
  console.log(`load ${loadavg()[0]?.toFixed(1)}; ${milliseconds} ms a request, one at a time`);
  const turns = new Map<string, Turn[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, begin] of Object.entries(ways)) turns.get(name)?.push(await turn(begin));
  }
  console.log("beside the others    their p50 ms  their p95 ms  its requests/s");
  for (const [name, all] of turns) {
    const middle = (key: keyof Turn) => median(all.map((each) => each[key]));
    const columns = [middle("p50").toFixed(1).padStart(12), middle("p95").toFixed(1).padStart(12)];
    console.log(`${name.padEnd(19)}  ${columns.join("  ")}  ${middle("rate").toFixed(0).padStart(14)}`);
  }
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
} finally {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
