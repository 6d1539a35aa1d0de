import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { Watcher } from "../local/support/watcher.ts";
import { commandLines } from "../support/canary.ts";
import { type PackageIndex, startPackageIndex } from "../support/packageIndex.ts";

/**
 * Every patch operation that the control server of truss 0.18.35 knows, sent by `menagerie watch` to a pod of a real environment, on a
 * machine whose package index is internal and asks for a password. Then what may go wrong with a save, and how soon the next one is in.
 */

let home: TestHome;
let index: PackageIndex;
let url: string;
let cluster: KubeConfig;

const stack = `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 300, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:development:
    greeter: { truss: models/greeter, resources: { cpu: 250m, memory: 256Mi } }
`;
/** Tells what of the truss the model sees. */
const model = `import hashlib, importlib, os, pathlib


def tried(work):
    try:
        return work()
    except Exception as error:
        return type(error).__name__


class Model:
    def predict(self, model_input):
        here = pathlib.Path(__file__).parent
        return {
            "word": os.environ.get("WORD"),
            "probe": tried(lambda: importlib.import_module("menagerie_probe").VERSION),
            "shout": tried(lambda: importlib.import_module("shout").TEXT),
            "extra": tried(lambda: importlib.import_module("model.extra").TEXT),
            "blob": tried(lambda: (here / "blob.bin").read_bytes().hex()),
            "data": sorted(path.name for path in pathlib.Path("data").glob("*")),
        }
`;
const config = `model_name: greeter
python_version: py311
use_control_plane: true
resources: { cpu: 250m, memory: 256Mi }
`;
const nothing = {
  word: null,
  probe: "ModuleNotFoundError",
  shout: "ModuleNotFoundError",
  extra: "ModuleNotFoundError",
  blob: "FileNotFoundError",
  data: [],
};

const file = (path: string) => join(home.project, "models/greeter", path);
const write = (files: Readonly<Record<string, string | Uint8Array | null>>): void => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(file(path)), { recursive: true });
    if (content === null) rmSync(file(path));
    else writeFileSync(file(path), content);
  }
};

async function seen(): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
  const text = await response.text();
  return response.ok ? JSON.parse(text) : `HTTP ${response.status}: ${text}`;
}

const within = (milliseconds: number) => ({ timeout: milliseconds, interval: 200 });

beforeAll(async () => {
  index = await startPackageIndex("menagerie_probe", ["1.0", "2.0", "3.0", "4.0"]);
  home = await TestHome.create(await copyOfCheckout());
  writeFileSync(join(home.project, "Pulumi.local.yaml"), stack);
  rmSync(file("examples.yaml"), { force: true });
  write({ "model/model.py": model, "config.yaml": config });
  const { code, stdout, stderr } = await home.menagerie(["up"], { env: { PIP_INDEX_URL: index.url } });
  if (code !== 0) throw new Error(`up: ${stdout}${stderr}`);
  const status = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as { models: { url: string }[] };
  url = status.models[0]?.url ?? "";
  cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
});

// What a test that fails leaves behind is none of the next one's.
beforeEach(() => write({ "config.yaml": config, "model/model.py": model }));

afterAll(async () => {
  await home?.dispose();
  if (home) rmSync(home.project, { recursive: true, force: true });
  await index?.stop();
});

/** What the pods of a namespace have logged. */
async function logsOf(namespace: string): Promise<string[]> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(cluster, "GET", pods);
  return Promise.all(
    items.map(async ({ metadata }) => (await request(cluster, "GET", `${pods}/${metadata.name}/log`)).text()),
  );
}

/** Every row of the platform's database. */
async function rows(): Promise<string> {
  process.env.MENAGERIE_HOME = home.path;
  const address = (await readTarget(environmentLayout("local")))?.databaseServer?.url ?? "";
  return withClient(serverFromUrl(address, "the environment's"), platformDatabase, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'menagerie'",
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.push(...found.rows.map(({ row }) => row));
    }
    return texts.join("\n");
  });
}

/** Runs `work` beside a watcher, which must end well. */
async function watching(options: readonly string[], work: (watcher: Watcher) => Promise<void>): Promise<Watcher> {
  const watcher = new Watcher(home, ...options);
  try {
    await watcher.next("ready");
    await work(watcher);
  } catch (error) {
    await watcher.interrupt();
    throw new Error(`${String(error)}\n${watcher.output}${watcher.errors}`, { cause: error });
  }
  expect(await watcher.interrupt(), watcher.output + watcher.errors).toBe(0);
  return watcher;
}

describe("each patch operation of the control server", () => {
  it("begins with nothing of it", async () => {
    expect(await seen()).toEqual(nothing);
  });

  it("adds, updates and removes", async () => {
    const { output, errors } = await watching(["--logs"], async () => {
      write({
        "packages/shout.py": "TEXT = 'one'\n",
        "model/extra.py": "TEXT = 'one'\n",
        "model/blob.bin": Uint8Array.of(0xff, 0xfe, 0),
        "config.yaml": `${config}requirements: [menagerie_probe==1.0]
environment_variables: { WORD: 12e4567 }
external_data: [{ url: "http://api.menagerie.svc.cluster.local/healthz", local_data_path: one.json }]
`,
      });
      const one = { word: "12e4567", probe: "1.0", shout: "one", extra: "one", blob: "fffe00", data: ["one.json"] };
      await expect.poll(seen, within(60_000)).toEqual(one);
      write({
        "packages/shout.py": "TEXT = 'two'\n",
        "model/extra.py": "TEXT = 'two'\n",
        "model/blob.bin": Uint8Array.of(0xff, 1),
        "config.yaml": `${config}requirements: [menagerie_probe==2.0]
environment_variables: { WORD: y }
external_data: [{ url: "http://api.menagerie.svc.cluster.local/healthz", local_data_path: two.json }]
`,
      });
      const two = { word: "y", probe: "2.0", shout: "two", extra: "two", blob: "ff01", data: ["two.json"] };
      await expect.poll(seen, within(60_000)).toEqual(two);
      write({ "packages/shout.py": null, "model/extra.py": null, "model/blob.bin": null, "config.yaml": config });
      await expect.poll(seen, within(60_000)).toEqual(nothing);
    });
    expect(index.asked).toContain("/files/menagerie_probe-1.0-py3-none-any.whl");
    expect(output + errors).not.toContain(index.password);
  });

  it.each([
    ["system packages", "system_packages: [ffmpeg]\n", "system_packages changed from [] to [ffmpeg]"],
    ["another Python", "python_version: py312\n", "python_version changed"],
    ["another base image", "base_image: { image: python:3.12 }\n", "base_image changed"],
    ["external packages", "external_package_dirs: [../shared]\n", "external_package_dirs changed"],
  ])("is none for %s, which watch says, and goes on", async (_, line, reason) => {
    await watching([], async (watcher) => {
      const own = line.startsWith("python_version") ? config.replace(/python_version: .*\n/, "") : config;
      write({ "config.yaml": own + line });
      expect(await watcher.next("deploy")).toMatchObject({ reasons: [`config.yaml: ${reason}`] });
      write({ "config.yaml": config, "model/model.py": `${model}# ${reason}\n` });
      await watcher.next("in");
    });
    expect(await seen()).toEqual(nothing);
  });

  it("is none for data, which watch says, and goes on", async () => {
    await watching([], async (watcher) => {
      write({ "data/weights.bin": "w" });
      expect(await watcher.next("deploy")).toMatchObject({
        reasons: ["data/weights.bin: data cannot be patched (ADD)"],
      });
      rmSync(file("data"), { recursive: true });
      write({ "model/model.py": `${model}# data\n` });
      await watcher.next("in");
    });
  });
});

/** What the watch says that it waits for, once that is so: a busy machine is told first that the patch is under way. */
async function toldBecause(watcher: Watcher, expected: RegExp): Promise<string> {
  for (;;) {
    const because = String((await watcher.next("waiting", 150_000)).because);
    if (expected.test(because)) return because;
  }
}

describe("a requirement that cannot be installed", () => {
  it("is undone, is told with the installer's last lines, and shows no token anywhere", async () => {
    const token = "hunter2-of-the-requirement";
    const callers: unknown[] = [];
    let commands = "";
    const sampling = setInterval(() => {
      commands += commandLines();
    }, 50);
    const { output, errors } = await watching(["--logs"], async (watcher) => {
      write({ "config.yaml": `${config}requirements: [menagerie_probe==1.0]\n` });
      await expect.poll(seen, within(60_000)).toMatchObject({ probe: "1.0" });
      const bad = `git+https://ada:${token}@127.0.0.1:9/no/such.git`;
      write({ "config.yaml": `${config}requirements: [menagerie_probe==1.0, "${bad}"]\n` });
      const told = toldBecause(watcher, /cannot be installed/);
      let isTold = false;
      void told.finally(() => {
        isTold = true;
      });
      while (!isTold) {
        callers.push(await seen().catch(String));
        await delay(100);
      }
      expect(await told).toMatch(/cannot be installed: .*127\.0\.0\.1/);
      await expect.poll(seen, within(60_000)).toMatchObject({ probe: "1.0" });
      write({ "config.yaml": `${config}requirements: [menagerie_probe==9.9]\n` });
      await toldBecause(watcher, /cannot be installed: .*menagerie-probe==9\.9/);
      await expect.poll(seen, within(60_000)).toMatchObject({ probe: "1.0" });
      write({ "config.yaml": config });
      await expect.poll(seen, within(60_000)).toEqual(nothing);
    });
    clearInterval(sampling);
    const logs = [...(await logsOf("menagerie")), ...(await logsOf("models"))];
    expect(logs.join("")).toContain("non-zero exit status");
    const status = await home.menagerie(["status"]);
    const json = await home.menagerie(["status", "--json"]);
    expect(commands).toMatch(/uv pip install/);
    const stored = await rows();
    expect(stored).toContain("menagerie_probe");
    const shown = [output, errors, ...logs, stored, commands, status.stdout, json.stdout, JSON.stringify(callers)].join(
      "\n",
    );
    for (const secret of [token, index.password]) expect(shown).not.toContain(secret);
    expect(JSON.stringify(callers)).not.toMatch(/uv|pip|install/);
  });
});

describe("an index that does not answer, in a requirements file", () => {
  const requirements = (...lines: string[]) => write({ "needed.txt": `${lines.join("\n")}\n` });

  it("is told and undone, and gives way to the save that takes it back", async () => {
    await watching([], async (watcher) => {
      write({ "needed.txt": "menagerie_probe==1.0\n", "config.yaml": `${config}requirements_file: needed.txt\n` });
      await expect.poll(seen, within(60_000)).toMatchObject({ probe: "1.0" });
      // It answers before the watch says so.
      await watcher.next("in");
      requirements("menagerie_probe==1.0", index.silent);
      await watcher.next("sending");
      await delay(5_000);
      const begun = Date.now();
      requirements("menagerie_probe==2.0");
      await watcher.next("in", 60_000);
      console.log(`taken back after ${Date.now() - begun} ms, load ${loadavg()[0]?.toFixed(1)}`);
      expect(await seen()).toMatchObject({ probe: "2.0" });
      const again = Date.now();
      requirements("menagerie_probe==2.0", index.silent);
      await toldBecause(watcher, /cannot be installed/);
      console.log(`told after ${Date.now() - again} ms`);
      await expect.poll(seen, within(60_000)).toMatchObject({ probe: "2.0" });
      write({ "config.yaml": config, "needed.txt": null });
      await expect.poll(seen, within(60_000)).toEqual(nothing);
    });
  });
});

describe("a save that mends a bad one", () => {
  const bad: [string, () => void][] = [
    ["while True: pass", () => write({ "model/model.py": "while True:\n    pass\n" })],
    [
      "a slow load",
      () => write({ "model/model.py": `${model}    def load(self):\n        __import__("time").sleep(600)\n` }),
    ],
    ["a syntax error", () => write({ "model/model.py": `${model}class Model(:\n` })],
    ["a model.py that is away", () => renameSync(file("model/model.py"), file("away.py"))],
  ];
  const times: string[] = [];

  it.each(["cold", "hot"])("takes its place, %s", async (how) => {
    for (const [what, save] of bad) {
      await watching(how === "hot" ? ["--hot-reload"] : [], async (watcher) => {
        write({ "model/model.py": `${model}# before ${what} ${how}\n` });
        await watcher.next("in");
        const begun = Date.now();
        save();
        await watcher.next("sending");
        const noticed = Date.now() - begun;
        const told =
          what === "a syntax error" ? await watcher.next("broken").then(() => Date.now() - begun) : undefined;
        await delay(3_000);
        const mended = Date.now();
        rmSync(file("away.py"), { force: true });
        write({ "model/model.py": `${model}# after ${what} ${how}\n` });
        await watcher.next("in", 120_000);
        const took = Date.now() - mended;
        times.push(
          `${how.padEnd(5)} ${what.padEnd(24)} noticed ${noticed} ms, told ${told ?? "-"} ms, mended ${took} ms, load ${loadavg()[0]?.toFixed(1)}`,
        );
        expect(await seen()).toEqual(nothing);
        // Ten seconds on a machine that has the time.
        const patience = 10_000 * Math.max(1, (loadavg()[0] ?? 0) / 4);
        expect(took).toBeLessThan(patience);
        if (told !== undefined) expect(told).toBeLessThan(patience);
      });
    }
    console.log(times.splice(0).join("\n"));
  });
});

const apiPodsPath = "/api/v1/namespaces/menagerie/pods";

/** Names of the API service's pods, the oldest first. */
async function apiPods(): Promise<string[]> {
  const query = { labelSelector: "app.kubernetes.io/name=api" };
  const { items } = await requestJson<{ items: { metadata: { name: string; creationTimestamp: string } }[] }>(
    cluster,
    "GET",
    apiPodsPath,
    { query },
  );
  const age = ({ metadata }: (typeof items)[number]) => metadata.creationTimestamp;
  return items.sort((a, b) => (age(a) < age(b) ? -1 : 1)).map(({ metadata }) => metadata.name);
}

describe("two replicas of the API service", () => {
  it("take turns with saves while one of them is killed, and lose none", async () => {
    const deployment = "/apis/apps/v1/namespaces/menagerie/deployments/api";
    const merge = { contentType: "application/merge-patch+json" };
    await request(cluster, "PATCH", deployment, { ...merge, body: { spec: { replicas: 2 } } });
    const ready = async () =>
      (await requestJson<{ status?: { readyReplicas?: number } }>(cluster, "GET", deployment)).status?.readyReplicas;
    await expect.poll(ready, within(120_000)).toBe(2);
    await watching(["--hot-reload"], async (watcher) => {
      for (let save = 0; save < 12; save += 1) {
        write({ "model/extra.py": `TEXT = 'save ${save}'\n` });
        if (save === 5) {
          const now = { gracePeriodSeconds: "0" };
          await request(cluster, "DELETE", `${apiPodsPath}/${(await apiPods())[0]}`, { query: now });
        }
        await delay(400);
      }
      await expect.poll(seen, within(60_000)).toMatchObject({ extra: "save 11" });
      while (watcher.has("in")) await watcher.next("in");
      write({ "model/extra.py": null });
      await watcher.next("in");
    });
    expect(await seen()).toEqual(nothing);
    // Watch keeps its connection, so that it is one of the two that has the patch under way.
    index.answerAfter(1_000);
    const { output } = await watching([], async (watcher) => {
      for (const number of ["3.0", "4.0"]) {
        const names = await apiPods();
        write({ "config.yaml": `${config}requirements: [menagerie_probe==${number}]\n` });
        await watcher.next("sending");
        await delay(1_500);
        await request(cluster, "DELETE", `${apiPodsPath}/${names[0]}`, { query: { gracePeriodSeconds: "0" } });
        await watcher.next("in", 120_000);
        expect(await seen()).toMatchObject({ probe: number });
        await expect.poll(ready, within(60_000)).toBe(2);
      }
      index.answerAfter(0);
      write({ "config.yaml": config });
      await watcher.next("in", 60_000);
    });
    expect(output).toMatch(/"event":"waiting".*does not answer/);
    expect(await seen()).toEqual(nothing);
    const folder = JSON.parse((await home.menagerie(["truss", "hash", file("."), "--json"])).stdout) as {
      hash: string;
    };
    const { models } = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as {
      models: { runningHash: string }[];
    };
    expect(models[0]?.runningHash).toBe(folder.hash);
    await request(cluster, "PATCH", deployment, { ...merge, body: { spec: { replicas: 1 } } });
  });
});

it("the folder as it is now is adopted by an up", async () => {
  writeFileSync(file("model/model.py"), readFileSync(file("model/model.py")));
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  expect(code, stdout + stderr).toBe(0);
});
