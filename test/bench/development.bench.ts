/**
 * Development versions as their user feels them: from a save to the first prediction of the new code, by `menagerie watch` and
 * by the real `truss watch` on the same model, hot and cold, in turns; beside what there is without them, an `up` that rebuilds. And
 * many clients at once on one version, beside the same patches one after another.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { V1Secret } from "@kubernetes/client-node";
import { createDevelopmentVersions } from "../../src/adapters/api/developmentVersions.ts";
import { pushTruss } from "../../src/adapters/api/pushTruss.ts";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

/** Of each client, hot and cold. */
const saves = Number(process.env.MENAGERIE_BENCH_SAVES ?? 50);

function line(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

/** Where it is, and how busy the machine is with whatever else. */
function progress(what: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)}  load ${loadavg()[0]?.toFixed(1)}  ${what}`);
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

/** Of each save. */
type How = "hot" | "cold";
/** Between two predictions that look whether the code is new, in milliseconds: more of them slow down what is measured. */
const lookEvery = { hot: 400, cold: 20 } as const;

/**
 * Writes a greeting, and answers how long it took until a prediction had it, in milliseconds. Hot, predictions are new from when the
 * module was imported, which it tells itself, so that nobody has to ask it all the time; a prediction's own time is added.
 */
async function change(file: string, url: string, greeting: string, how: How): Promise<number> {
  const line = `GREETING = f"${greeting}, imported {__import__('time').time()}"`;
  const text = readFileSync(file, "utf8").replace(/GREETING = .*/, line);
  const begun = Date.now();
  writeFileSync(file, text);
  for (;;) {
    await delay(lookEvery[how]);
    const asked = Date.now();
    const answer = await predict(url).catch(() => "");
    if (!answer.includes(greeting)) continue;
    const isNewAt =
      how === "hot" ? Number(/imported ([0-9.]+)/.exec(answer)?.[1]) * 1000 + Date.now() - asked : Date.now();
    return isNewAt - begun;
  }
}

/** Watches with either client, which says when it has begun by output that matches `begun`. */
async function watched(home: TestHome, file: string, url: string, args: readonly string[], begun: RegExp, how: How) {
  const watcher: ChildProcess = spawn(process.execPath, [join(home.project, "src/cli/main.ts"), ...args], {
    cwd: home.project,
    env: { ...process.env, MENAGERIE_HOME: home.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => watcher.once("exit", resolve));
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const hear = (text: Buffer): void => {
      said += text;
      if (begun.test(said)) resolve();
    };
    watcher.stdout?.on("data", hear);
    watcher.stderr?.on("data", hear);
    watcher.once("exit", () => reject(new Error(`${args.join(" ")} ended: ${said}`)));
  });
  progress(args.join(" "));
  // The first change after an image is always cold.
  await change(file, url, `first of ${args.join(" ")}`, "cold");
  const times: number[] = [];
  for (let save = 0; save < saves; save += 1) {
    await delay(50 + Math.random() * 100);
    times.push(await change(file, url, `number ${save}`, how));
    if (save % 10 === 9) progress(`${save + 1} saves, ${milliseconds(times)}`);
  }
  watcher.kill("SIGINT");
  await Promise.race([ended, delay(20_000)]);
  watcher.kill("SIGKILL");
  /** What the container took to take each patch, where the client tells. */
  const applied = [...said.matchAll(/"applyMilliseconds":(\d+)/g)].map(([, took]) => Number(took)).slice(-saves);
  return { times, applied };
}

const [clients, patchesEach] = [50, 20];
/** One after another, so many of them are timed, and the rest reckoned: all would take minutes. */
const timedInTurn = 100;

/** Each client changes a file of its own, again and again, and starts anew from the head where another was first. */
async function manyClients(home: TestHome, versionId: string, url: string): Promise<void> {
  const config = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  const secret = await requestJson<V1Secret>(config, "GET", "/api/v1/namespaces/menagerie/secrets/api-database");
  const key = Buffer.from(secret.data?.adminKey ?? "", "base64").toString("utf8");
  const client = createDevelopmentVersions({ url, key });
  const { snapshot, patterns } = await readTruss(join(home.project, "models/greeter"));
  /** What all clients have saved until now. */
  const saved = new Map(snapshot.entries);
  const patch = async (each: number, turn: number): Promise<void> => {
    const content = new TextEncoder().encode(`N = ${turn}\n`);
    saved.set(`model/client_${each}.py`, { kind: "file", content, executable: false });
    const read = async () => ({ snapshot: { entries: new Map(saved) }, patterns });
    await pushTruss({ client, versionId, read, hot: true });
  };
  const timed = async (work: () => Promise<void>): Promise<number> => {
    const begun = performance.now();
    await work();
    if ((await client.sync(versionId)).state !== "synced") throw new Error("the version has not converged");
    return (performance.now() - begun) / 1000;
  };
  let done = 0;
  const atOnce = await timed(async () => {
    await Promise.all(
      Array.from({ length: clients }, async (_, each) => {
        for (let turn = 0; turn < patchesEach; turn += 1) {
          await patch(each, turn);
          done += 1;
          if (done % 200 === 0) progress(`${done} patches of ${clients} clients at once`);
        }
      }),
    );
  });
  const sample = await timed(async () => {
    for (let index = 0; index < timedInTurn; index += 1) await patch(index % clients, patchesEach + index);
  });
  const inTurn = (sample / timedInTurn) * clients * patchesEach;
  line(`${clients} clients at once, ${patchesEach} patches each, until converged`, `${atOnce.toFixed(1)} s`);
  line(
    "the same patches one after another",
    `${inTurn.toFixed(1)} s, by ${timedInTurn} of them (${(inTurn / atOnce).toFixed(1)} times)`,
  );
}

async function saveToPrediction(): Promise<void> {
  const home = await TestHome.create(await copyOfCheckout());
  const up = async (): Promise<void> => {
    const { code, stdout, stderr } = await home.menagerie(["up"]);
    if (code !== 0) throw new Error(`up failed: ${stderr}${stdout}`);
  };
  try {
    progress("an environment of its own is brought up");
    await up();
    const status = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as {
      api: string;
      models: { name: string; url: string; versionId: string }[];
    };
    const urlOf = (name: string): string => status.models.find((model) => model.name === name)?.url ?? "";
    const file = join(home.project, "models/greeter/model/model.py");
    const [url, hot] = [urlOf("greeter"), "--hot-reload"];
    for (const [how, options] of [["hot", [hot]] as const, ["cold", []] as const]) {
      const own = await watched(home, file, url, ["watch", "greeter", "--json", ...options], /"ready"/, how);
      const client = ["truss-client", "--", "watch", "models/greeter", "--non-interactive", ...options];
      const theirs = await watched(home, file, url, client, /Watching for changes/, how);
      const ratio = quantile(theirs.times, 0.5) / quantile(own.times, 0.5);
      line(`save to new prediction, ${how}, menagerie watch`, milliseconds(own.times));
      line(`  of which the container takes to take the patch`, milliseconds(own.applied));
      line(`save to new prediction, ${how}, truss watch`, `${milliseconds(theirs.times)} (${ratio.toFixed(2)} times)`);
    }
    const zooModel = join(home.project, "models/multiplier/model/model.py");
    writeFileSync(zooModel, `${readFileSync(zooModel, "utf8")}\n# changed\n`);
    progress("an `up` with a changed model");
    const begun = performance.now();
    await up();
    line("the same for a model that is rebuilt by an `up`", `${((performance.now() - begun) / 1000).toFixed(1)} s`);
    // Last, for it leaves a head that no folder has, which an `up` refuses to replace.
    progress(`${clients} clients`);
    await manyClients(home, status.models.find(({ name }) => name === "greeter")?.versionId ?? "", status.api);
  } finally {
    await home.dispose();
    rmSync(home.project, { recursive: true });
  }
}

await saveToPrediction();
