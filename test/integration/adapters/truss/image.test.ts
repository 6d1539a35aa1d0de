import { appendFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dockerContext } from "../../../../src/adapters/builds/buildContext.ts";
import { imageReference, readImage } from "../../../../src/adapters/images/imageStore.ts";
import { createDirectoryBuilder } from "../../../../src/adapters/truss/builder.ts";
import { ensurePythonLayers, type PythonLayers } from "../../../../src/adapters/truss/python.ts";
import { readTruss } from "../../../../src/adapters/truss/snapshot.ts";
import { silent } from "../../../../src/domain/progress.ts";
import type { TrussImage } from "../../../../src/domain/truss/builder.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { contentAt } from "../../../../src/domain/truss/snapshot.ts";
import { readArchive } from "../../../../src/domain/uploads/archive.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { type ImageProcess, predict, runImage } from "../../../support/imageProcess.ts";

const models = join(import.meta.dirname, "../../../../models");
const cache = menagerieCache();
const signal = new AbortController().signal;
const started: ImageProcess[] = [];
let work: string;
let store: string;
let python: PythonLayers;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-truss-image-"));
  store = join(work, "images");
  python = await ensurePythonLayers({ cache, progress: silent, signal });
}, 600_000);

afterAll(async () => {
  await Promise.all(started.map((container) => container.stop()));
  await rm(work, { recursive: true, force: true });
});

async function build(folder: string, name: string): Promise<TrussImage> {
  const { snapshot, patterns } = await readTruss(folder);
  const builder = createDirectoryBuilder({ store, cache, python, progress: silent, signal });
  return builder.build({ folder, hash: hashSnapshot(snapshot, patterns), name });
}

async function start(image: TrussImage, readyPath: string, env: Record<string, string> = {}): Promise<ImageProcess> {
  const container = await runImage(store, imageReference(image), readyPath, env);
  started.push(container);
  return container;
}

/** A copy of models/multiplier with more lines in its config.yaml. */
async function multiplierWith(name: string, lines: string): Promise<string> {
  const folder = join(work, name);
  await cp(join(models, "multiplier"), folder, { recursive: true });
  await appendFile(join(folder, "config.yaml"), lines);
  return folder;
}

test("iris classifies flowers and answers 400 with a sentence to what is not a flower", async () => {
  const iris = await start(await build(join(models, "iris"), "iris"), "/v1/models/model");
  const answer = await predict(iris.url, {
    inputs: [
      [5.1, 3.5, 1.4, 0.2],
      [6, 2.9, 4.5, 1.5],
      [6.9, 3.1, 5.4, 2.1],
    ],
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ predictions: [0, 1, 2], classes: ["setosa", "versicolor", "virginica"] });
  const refused = await predict(iris.url, { inputs: [[1, 2]] });
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toContain("inputs[0]: give four finite numbers");
});

test("multiplier multiplies in decimal, by FACTOR", async () => {
  const image = await build(join(models, "multiplier"), "multiplier");
  const body = { values: ["3.3", "62.3", "324"] };
  const byDefault = await start(image, "/v1/models/model");
  expect(await predict(byDefault.url, body)).toEqual({ status: 200, body: { results: [6.6, 124.6, 648] } });
  const byThree = await start(image, "/v1/models/model", { FACTOR: "3" });
  expect(await predict(byThree.url, body)).toEqual({ status: 200, body: { results: [9.9, 186.9, 972] } });
  expect((await predict(byThree.url, { values: ["seven"] })).status).toBe(400);
});

test("a control truss runs the control server, which knows its hash and starts the model", async () => {
  const image = await build(await multiplierWith("dev", "use_control_plane: true\n"), "dev");
  const { image: stored } = await readImage(store, imageReference(image));
  const hash = stored.config.env.HASH_TRUSS;
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  const dev = await start(image, "/v1/models/model", { HOME: "/tmp" });
  expect(await (await fetch(`${dev.url}/control/truss_hash`)).json()).toEqual({ result: hash });
  expect(await predict(dev.url, { values: [2] })).toEqual({ status: 200, body: { results: [4] } });

  const code = "class Model:\n    def predict(self, model_input):\n        return 'patched'\n";
  const patch = { type: "model_code", body: { action: "UPDATE", path: "model.py", content: code } };
  const next = "0".repeat(64);
  const applied = await fetch(`${dev.url}/control/patch`, {
    method: "POST",
    body: JSON.stringify({ hash: next, prev_hash: hash, patches: [patch] }),
    headers: { "content-type": "application/json" },
  });
  expect(await applied.json()).not.toHaveProperty("error");
  await expect.poll(async () => (await predict(dev.url, {})).body).toBe("patched");
});

test("the same truss gives the same digest from another store, and a change of code another", async () => {
  const folder = await multiplierWith("twin", "");
  const first = await build(folder, "twin");
  store = join(work, "other-images");
  const elsewhere = await build(folder, "twin");
  expect(elsewhere.digest).toBe(first.digest);
  await appendFile(join(folder, "model", "model.py"), "# changed\n");
  expect((await build(folder, "twin")).digest).not.toBe(first.digest);
  store = join(work, "images");
});

test("a truss that a directory image cannot hold is refused by key and value", async () => {
  const folder = await multiplierWith("system", "system_packages: [ffmpeg libsm6]\n");
  await expect(build(folder, "system")).rejects.toThrow(/system_packages: ffmpeg, libsm6: a directory image cannot/);
});

test("a truss without a valid config.yaml is refused by file and line", async () => {
  const folder = await multiplierWith("broken", "");
  await writeFile(join(folder, "config.yaml"), "model_name: iris\nrequirements: [a\n");
  await expect(build(folder, "broken")).rejects.toThrow(/broken\/config\.yaml line \d+: not valid YAML/);
  await rm(join(folder, "config.yaml"));
  await expect(build(folder, "broken")).rejects.toThrow(/config\.yaml: no such file in the truss/);
});

test("its build context for a cluster is what the truss library makes of it, and packs to the same bytes", async () => {
  const contextOf = async (folder: string) => {
    const reading = await readTruss(folder);
    return dockerContext("context", reading, { cache, python, env: process.env, signal });
  };
  const folder = await multiplierWith("context", "");
  await writeFile(join(folder, "data.txt"), "more\n");
  const [one, two] = [await contextOf(folder), await contextOf(folder)];
  expect(one.sha256).toBe(two.sha256);
  const { entries } = readArchive(gunzipSync(one.archive), { size: 10 ** 8, files: 10_000 });
  for (const path of ["Dockerfile", "config.yaml", "model/model.py", "data.txt"])
    expect([...entries.keys()]).toContain(path);
  expect(new TextDecoder().decode(contentAt({ entries }, "Dockerfile") as Uint8Array)).toMatch(/^COPY .*\.\/model /m);
});
