/**
 * Development versions as their user feels them: from a save to the first prediction of the new code, by `menagerie watch`,
 * hot and cold, beside what there is without it, an `up` that rebuilds; and hash and signature of a truss of 10,000 files
 * beside the truss library's.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { silent } from "../../src/domain/progress.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { signatureOf } from "../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

const saves = 60;
const files = 10_000;
const hashRuns = 5;

function line(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const milliseconds = (values: readonly number[]): string =>
  `p50 ${quantile(values, 0.5).toFixed(0)} ms, p95 ${quantile(values, 0.95).toFixed(0)} ms, ${values.length} saves`;

const library = `
import json, pathlib, sys, time
from truss.truss_handle.patch.hash import directory_content_hash
from truss.truss_handle.patch.signature import calc_truss_signature
root, runs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
from truss.util.path import load_trussignore_patterns
patterns = load_trussignore_patterns()
seconds = []
for _ in range(runs):
    begun = time.perf_counter()
    digest = directory_content_hash(root, patterns)
    calc_truss_signature(root, patterns)
    seconds.append(time.perf_counter() - begun)
print(json.dumps({"hash": digest, "seconds": seconds}))`;

async function hashes(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "menagerie-bench-truss-"));
  try {
    writeFileSync(join(folder, "config.yaml"), "model_name: big\n");
    for (let index = 0; index < files; index += 1) {
      const parent = join(folder, "model", `part-${index % 100}`);
      mkdirSync(parent, { recursive: true });
      writeFileSync(join(parent, `file-${index}.py`), randomBytes(1000).toString("hex"));
    }
    const python = await ensurePythonLayers({
      ...{ cache: menagerieCache(), progress: silent },
      signal: new AbortController().signal,
    });
    const answer = execFileSync(join(python.truss, "bin/python"), ["-c", library, folder, String(hashRuns)], {
      encoding: "utf8",
    });
    const theirs = JSON.parse(answer) as { hash: string; seconds: number[] };
    const ours: number[] = [];
    for (let run = 0; run < hashRuns; run += 1) {
      const begun = performance.now();
      const { snapshot, patterns } = await readTruss(folder);
      const hash = hashSnapshot(snapshot, patterns);
      signatureOf(snapshot, patterns);
      ours.push((performance.now() - begun) / 1000);
      if (hash !== theirs.hash) throw new Error(`the hash is ${hash}, the library's ${theirs.hash}`);
    }
    const [own, other] = [quantile(ours, 0.5), quantile(theirs.seconds, 0.5)];
    line(`hash and signature of ${files} files, menagerie`, `${own.toFixed(2)} s`);
    line(
      `hash and signature of ${files} files, truss library`,
      `${other.toFixed(2)} s (${(other / own).toFixed(1)} times)`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function predict(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ names: ["Ada"] }),
  });
  return response.text();
}

/** Writes a greeting, and answers how long it took until a prediction had it, in milliseconds. */
async function change(file: string, url: string, greeting: string): Promise<number> {
  const text = readFileSync(file, "utf8").replace(/GREETING = .*/, `GREETING = "${greeting}"`);
  const begun = performance.now();
  writeFileSync(file, text);
  for (;;) {
    if ((await predict(url).catch(() => "")).includes(greeting)) return performance.now() - begun;
    await delay(3);
  }
}

async function watched(home: TestHome, file: string, url: string, options: readonly string[]): Promise<number[]> {
  const watcher: ChildProcess = spawn(
    process.execPath,
    [join(home.project, "src/cli/main.ts"), "watch", "greeter", "--json", ...options],
    { env: { ...process.env, MENAGERIE_HOME: home.path }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => watcher.once("exit", resolve));
  if (!watcher.stdout) throw new Error("the watcher has no output");
  const lines = createInterface({ input: watcher.stdout });
  await new Promise((resolve) => lines.once("line", resolve));
  // The first change after an image is always cold.
  await change(file, url, `first ${options.join(" ")}`);
  const times: number[] = [];
  for (let save = 0; save < saves; save += 1) {
    await delay(50 + Math.random() * 100);
    times.push(await change(file, url, `number ${save}`));
  }
  watcher.kill("SIGINT");
  await ended;
  return times;
}

async function saveToPrediction(): Promise<void> {
  const home = await TestHome.create(await copyOfCheckout());
  const up = async (): Promise<void> => {
    const { code, stderr } = await home.menagerie(["up"]);
    if (code !== 0) throw new Error(`up failed: ${stderr}`);
  };
  try {
    await up();
    const status = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as {
      models: { name: string; url: string }[];
    };
    const urlOf = (name: string): string => status.models.find((model) => model.name === name)?.url ?? "";
    const file = join(home.project, "models/greeter/model/model.py");
    line("save to new prediction, hot", milliseconds(await watched(home, file, urlOf("greeter"), ["--hot-reload"])));
    line("save to new prediction, cold", milliseconds(await watched(home, file, urlOf("greeter"), [])));
    const zooModel = join(home.project, "models/multiplier/model/model.py");
    writeFileSync(zooModel, `${readFileSync(zooModel, "utf8")}\n# changed\n`);
    const begun = performance.now();
    await up();
    line("the same for a model that is rebuilt by an `up`", `${((performance.now() - begun) / 1000).toFixed(1)} s`);
  } finally {
    await home.dispose();
    rmSync(home.project, { recursive: true });
  }
}

await hashes();
await saveToPrediction();
