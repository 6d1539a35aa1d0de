import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kubeConfigOf } from "../../../src/adapters/kubernetes/kubeConfigFile.ts";
import { request, requestJson } from "../../../src/adapters/kubernetes/request.ts";
import { wholeMatrix } from "../../support/wholeMatrix.ts";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";
import { Watcher } from "../support/watcher.ts";

/** A development version of the shared environment, edited as its user edits it. */

let shared: SharedEnvironment;
const modelFile = "models/greeter/model/model.py";

interface ModelStatus {
  readonly name: string;
  readonly kind: string;
  readonly hash: string;
  readonly runningHash: string | null;
  readonly ready: boolean;
  readonly url: string;
}

async function greeter(): Promise<ModelStatus> {
  const { models } = await shared.json<{ models: ModelStatus[] }>("status", "--json");
  const found = models.find(({ name }) => name === "greeter");
  if (!found) throw new Error("there is no greeter");
  return found;
}

async function greeting(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ names: ["Ada"] }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${text}`);
  return (JSON.parse(text) as { greetings: string[] }).greetings[0] ?? "";
}

/** Asks until the answer is there: a pod that was killed needs its time. */
async function eventually(url: string, wanted: string, withinMs: number): Promise<string> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await greeting(url).catch((error: unknown) => String(error));
    if (answer === wanted || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const greetWith = (word: string) =>
  shared.edit(modelFile, (text) => text.replace(/GREETING = .*/, `GREETING = "${word}"`));
const folderHash = async () =>
  (await shared.json<{ hash: string }>("truss", "hash", join(shared.home.project, "models/greeter"), "--json")).hash;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
}, 600_000);

afterAll(async () => {
  writeFileSync(join(shared.home.project, modelFile), readFileSync(modelFile));
  await shared.close();
});

describe("a development version", () => {
  it("is part of the stack, and status says what it runs", async () => {
    const status = await greeter();
    expect(status).toMatchObject({ kind: "development", ready: true });
    expect(status.runningHash).toBe(status.hash);
    expect(await greeting(status.url)).toBe("Hello, Ada!");
  });

  it("runs what is saved while it is watched, without a new pod, hot and cold", async () => {
    const { url } = await greeter();
    const watcher = new Watcher(shared.home, "--hot-reload");
    try {
      await watcher.next("ready");
      await greetWith("Hi");
      expect(await watcher.next("in")).toMatchObject({ changed: "model.py", headHash: await folderHash() });
      expect(await greeting(url)).toBe("Hi, Ada!");
      await greetWith("Hey");
      expect(await watcher.next("in")).toMatchObject({ changed: "model.py", hot: true });
      expect(await greeting(url)).toBe("Hey, Ada!");
    } catch (error) {
      await watcher.interrupt();
      throw error;
    }
    expect(await watcher.interrupt()).toBe(0);
  });

  it("installs what a save requires, sets what it sets, and says why at once where it cannot", async () => {
    const { url } = await greeter();
    const config = "models/greeter/config.yaml";
    const before = readFileSync(join(shared.home.project, config), "utf8");
    const watcher = new Watcher(shared.home);
    try {
      await watcher.next("ready");
      mkdirSync(join(shared.home.project, "models/greeter/packages"), { recursive: true });
      writeFileSync(
        join(shared.home.project, "models/greeter/packages/shout.py"),
        "def shout(text): return text.upper()\n",
      );
      await shared.edit(modelFile, (text) =>
        text.replace(
          /GREETING = .*/,
          'GREETING = __import__("shout").shout(__import__("six").__name__) + __import__("os").environ["WORD"]',
        ),
      );
      // All in one save: the config comes last.
      writeFileSync(
        join(shared.home.project, config),
        `${before}requirements: [six]\nenvironment_variables: {WORD: 12e4567}\n`,
      );
      await watcher.next("in");
      expect(await eventually(url, "SIX12e4567, Ada!", 120_000)).toBe("SIX12e4567, Ada!");
      writeFileSync(
        join(shared.home.project, config),
        `${before}requirements: [six, no-such-package-of-menagerie]\nenvironment_variables: {WORD: 12e4567}\n`,
      );
      expect(await watcher.next("waiting")).toMatchObject({
        because: expect.stringMatching(/cannot be installed: .*no-such-package-of-menagerie/),
      });
      expect(await eventually(url, "SIX12e4567, Ada!", 120_000)).toBe("SIX12e4567, Ada!");
      await shared.edit(modelFile, (text) => `${text}\nclass Model:\n  def\n`);
      writeFileSync(
        join(shared.home.project, config),
        `${before}requirements: [six]\nenvironment_variables: {WORD: 12e4567}\n`,
      );
      expect(await watcher.next("broken")).toMatchObject({
        because: expect.stringMatching(/model\/model\.py line \d+: .*Error/),
      });
      await shared.edit(modelFile, (text) => text.replace("\nclass Model:\n  def\n", ""));
      await greetWith("Hey");
      await watcher.next("in");
      expect(await eventually(url, "Hey, Ada!", 120_000)).toBe("Hey, Ada!");
    } finally {
      expect(await watcher.interrupt()).toBe(0);
      // The up below takes all of it away again.
      rmSync(join(shared.home.project, "models/greeter/packages"), { recursive: true, force: true });
      writeFileSync(join(shared.home.project, config), before);
    }
  });

  it("is patched by an up, which says it file by file, and the service is left alone", async () => {
    await greetWith("Good day");
    const { stdout } = await shared.up();
    expect(stdout).toMatch(/greeter: patch \w+ → \w+, without a new image/);
    expect(stdout).toContain("UPDATE model_code model.py");
    expect(stdout).not.toContain("InferenceService greeter");
    const { hash, runningHash, url } = await greeter();
    expect([hash, runningHash]).toEqual([await folderHash(), await folderHash()]);
    expect(await greeting(url)).toBe("Good day, Ada!");
  });

  it("comes back patched when its container is killed", async () => {
    const { url } = await greeter();
    // The innermost one, for those around it end with it.
    const server = shared.home.processes().findLast(({ command }) => command.includes("/control/control/server.py"));
    if (!server) throw new Error("no control server runs");
    process.kill(server.pid, "SIGKILL");
    expect(await eventually(url, "Good day, Ada!", 120_000)).toBe("Good day, Ada!");
  });

  it("is woken patched by a request when it was scaled to zero", async () => {
    const { url } = await greeter();
    const { kubeconfig } = await shared.json<{ kubeconfig: string }>("status", "--json");
    const config = kubeConfigOf(kubeconfig);
    await request(config, "PATCH", "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/greeter-dev", {
      body: { metadata: { annotations: { "serving.kserve.io/stop": "true" } } },
      contentType: "application/merge-patch+json",
    });
    const pods = "/api/v1/namespaces/models/pods";
    const query = { labelSelector: "serving.kserve.io/inferenceservice=greeter-dev" };
    await expect
      .poll(async () => (await requestJson<{ items: unknown[] }>(config, "GET", pods, { query })).items.length, {
        timeout: 120_000,
      })
      .toBe(0);
    // KServe writes it after the pods are gone.
    await expect.poll(greeter).toMatchObject({ ready: false, state: "stopped" });
    expect(await greeting(url)).toBe("Good day, Ada!");
  });

  it("is patched by predict --truss first", async () => {
    await greetWith("Welcome");
    const data = JSON.stringify({ names: ["Ada"] });
    const folder = join(shared.home.project, "models/greeter");
    const { stdout } = await shared.succeed("predict", "greeter", "--truss", folder, "--data", data);
    expect(JSON.parse(stdout)).toMatchObject({ greetings: ["Welcome, Ada!"] });
  });

  it.runIf(wholeMatrix)(
    "needs a full deployment for a system package, which preview and watch say with the reason",
    async () => {
      const before = await shared.edit("models/greeter/config.yaml", (text) => `${text}system_packages: [ffmpeg]\n`);
      const reason = "config.yaml: system_packages changed from [] to [ffmpeg]";
      const watcher = new Watcher(shared.home);
      try {
        const preview = await shared.preview();
        expect(preview).toMatch(/greeter: full deployment of \w+: new image, the pod is replaced/);
        expect(preview).toContain(reason);
        expect(await watcher.next("deploy")).toMatchObject({ reasons: [reason] });
      } finally {
        await watcher.interrupt();
        writeFileSync(join(shared.home.project, "models/greeter/config.yaml"), before);
      }
    },
  );

  it("is deployed in full under the same version where patches cannot do it", async () => {
    await shared.edit("models/greeter/config.yaml", (text) => text.replace("memory: 256Mi", "memory: 300Mi"));
    await greetWith("Greetings");
    expect((await shared.up()).stdout).toContain("config.yaml: resources changed");
    const { url, hash, runningHash } = await greeter();
    expect(await greeting(url)).toBe("Greetings, Ada!");
    expect([hash, runningHash]).toEqual([await folderHash(), await folderHash()]);
  });
});
