/**
 * What the API service's way to a model costs an app's prediction, and what limits cost it: requests per second and latency of a direct call;
 * of the service with no part that counts or limits; of the service as it is, for a key without limits and for one that has a limit of
 * requests. In turns at the same load. MENAGERIE_BENCH_BEFORE names the folder of another checkout, whose service is measured beside this
 * one's. `MENAGERIE_BENCH_SECONDS=2` is the length of a turn; medians of MENAGERIE_BENCH_ROUNDS=5 rounds are printed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cpuSeconds, median } from "./measures.ts";

const seconds = Number(process.env.MENAGERIE_BENCH_SECONDS ?? 2);
const rounds = Number(process.env.MENAGERIE_BENCH_ROUNDS ?? 5);
const before = process.env.MENAGERIE_BENCH_BEFORE;
const here = join(import.meta.dirname, "../..");
const children: ChildProcess[] = [];

interface Target {
  readonly address: string;
  readonly path: string;
  readonly pid: number | undefined;
  readonly key?: string;
}

interface Measured {
  readonly sent: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

async function node(cwd: string, file: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return line;
}

async function served(path: string, cwd: string, file: string, ...args: readonly string[]): Promise<Target> {
  const { port, ...keyed } = JSON.parse(await node(cwd, file, ...args)) as { port: number; key?: string };
  return { address: `127.0.0.1:${port}`, path, pid: children.at(-1)?.pid, ...keyed };
}

async function measured({ address, path, pid, key }: Target, connections: number) {
  const cpuBefore = cpuSeconds(pid);
  const more = key === undefined ? [] : [address, key];
  const text = await node(here, "recorder/load.ts", address, String(connections), String(seconds), path, ...more);
  const { sent, seconds: took, p50, p99 } = JSON.parse(text) as Measured;
  return { rate: sent / took, p50, p99, cpu: ((cpuSeconds(pid) - cpuBefore) / sent) * 1e6 };
}

try {
  const predictor = await served("/v1/models/model:predict", here, "recorder/predictor.ts");
  const service = (cwd: string, how: "none" | "counted" | "limited") =>
    served("/models/1/predict", cwd, "forwarding/api.ts", predictor.address, how);
  const targets = {
    direct: predictor,
    ...(before && { "service before": await service(before, "counted") }),
    "without limits' part": await service(here, "none"),
    "key without limits": await service(here, "counted"),
    "key with a limit": await service(here, "limited"),
  };
  for (const target of Object.values(targets)) await measured(target, 16);
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
  console.log("connections  target                requests/s    p50 ms    p99 ms  CPU µs/request");
  for (const connections of [1, 16, 64]) {
    const turns = new Map<string, Awaited<ReturnType<typeof measured>>[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, target] of Object.entries(targets)) {
        turns.set(name, [...(turns.get(name) ?? []), await measured(target, connections)]);
      }
    }
    for (const [name, all] of turns) {
      const middle = (key: "rate" | "p50" | "p99" | "cpu") => median(all.map((turn) => turn[key]));
      const columns = [String(connections).padStart(11), name.padEnd(20), middle("rate").toFixed(0).padStart(11)];
      const times = [middle("p50").toFixed(2).padStart(8), middle("p99").toFixed(2).padStart(8)];
      console.log([...columns, ...times, middle("cpu").toFixed(0).padStart(14)].join("  "));
    }
  }
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
} finally {
  for (const child of children) child.kill("SIGKILL");
}
process.exit(0);
