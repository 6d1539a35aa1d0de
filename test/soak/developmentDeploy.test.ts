import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { Watcher } from "../local/support/watcher.ts";

let shared: SharedEnvironment;

interface ModelStatus {
  readonly name: string;
  readonly hash: string;
  readonly digest: string;
  readonly url: string;
}

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
});

afterAll(() => shared.close());

async function models(): Promise<readonly ModelStatus[]> {
  return (await shared.json<{ models: readonly ModelStatus[] }>("status", "--json")).models;
}

async function greeter(): Promise<ModelStatus> {
  const found = (await models()).find(({ name }) => name === "greeter");
  if (!found) throw new Error("there is no greeter");
  return found;
}

async function folderHash(): Promise<string> {
  return (await shared.json<{ hash: string }>("truss", "hash", join(shared.home.project, "models/greeter"), "--json"))
    .hash;
}

test("code that cannot be loaded is told by a hot watch, and mended by the next save", async () => {
  const file = "models/greeter/model/model.py";
  const watcher = new Watcher(shared.home, "--hot-reload");
  try {
    await watcher.next("ready");
    await shared.edit(file, (text) => text.replace(/GREETING = .*/, 'GREETING = "Hey"'));
    await watcher.next("in");
    const right = await shared.edit(file, (text) => `${text}\nclass Model:\n  def\n`);
    expect(await watcher.next("waiting")).toMatchObject({ changed: "model.py" });
    writeFileSync(join(shared.home.project, file), right);
    await watcher.next("in");
  } finally {
    await watcher.interrupt();
  }
});

test("a development version is deployed in full by watch --deploy, alone, with events as the only output", async () => {
  const others = async () =>
    (await models()).filter(({ name }) => name !== "greeter").map(({ name, hash, digest }) => ({ name, hash, digest }));
  const before = await others();
  const iris = await shared.edit("models/iris/config.yaml", (text) => `${text}# Edited.\n`);
  const watcher = new Watcher(shared.home, "--deploy");
  try {
    await watcher.next("ready");
    await shared.edit("models/greeter/config.yaml", (text) => text.replace("memory: 256Mi", "memory: 280Mi"));
    expect(await watcher.next("deploy")).toMatchObject({ reasons: ["config.yaml: resources changed"] });
    await expect.poll(async () => (await greeter()).hash, { timeout: 180_000 }).toBe(await folderHash());
    expect(await others()).toEqual(before);
    await shared.edit("models/greeter/model/model.py", (text) => text.replace(/GREETING = .*/, 'GREETING = "Alone"'));
    await watcher.next("in");
    const response = await fetch((await greeter()).url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ names: ["Ada"] }),
    });
    expect(await response.json()).toMatchObject({ greetings: ["Alone, Ada!"] });
  } finally {
    await watcher.interrupt();
    writeFileSync(join(shared.home.project, "models/iris/config.yaml"), iris);
    await shared.edit("models/greeter/config.yaml", (text) => text.replace("memory: 280Mi", "memory: 256Mi"));
  }
});
