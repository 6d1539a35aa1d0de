/**
 * Development versions as their user feels them: from a save to the first prediction of the new code, by `menagerie watch`,
 * hot and cold, beside what there is without it, an `up` that rebuilds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

const saves = 60;

function line(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const milliseconds = (values: readonly number[]): string =>
  `p50 ${quantile(values, 0.5).toFixed(0)} ms, p95 ${quantile(values, 0.95).toFixed(0)} ms, ${values.length} saves`;

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
    const { code, stdout, stderr } = await home.menagerie(["up"]);
    if (code !== 0) throw new Error(`up failed: ${stderr}${stdout}`);
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

await saveToPrediction();
