import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createDevelopmentVersions } from "../../src/adapters/api/developmentVersions.ts";
import { imageReference } from "../../src/adapters/images/imageStore.ts";
import { createDirectoryBuilder } from "../../src/adapters/truss/builder.ts";
import { ensurePythonLayers, type PythonLayers } from "../../src/adapters/truss/python.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { type ClientEnd, runTrussClient } from "../../src/cli/trussClient/run.ts";
import type { StagedPatch } from "../../src/cli/trussClient/stagedPatch.ts";
import { pingUrl } from "../../src/domain/development/pingToken.ts";
import { computePatch } from "../../src/domain/patch/compute.ts";
import { silent } from "../../src/domain/progress.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { signatureOf } from "../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { openContainers } from "../../src/services/api/development/containers.ts";
import type { DraftRequest } from "../../src/services/api/graphql/context.ts";
import { type ControlContainer, runControlContainer } from "../local/controlTrussProcess.ts";
import { predict } from "../local/imageProcess.ts";
import { type ApiUnderTest, adminKey, signingKey, startDevelopmentApi } from "../support/developmentApi.ts";

/** The real truss client, unmodified, against the API, a real PostgreSQL and a real control server. */

const signal = new AbortController().signal;
const pushed: DraftRequest[] = [];
const staged: StagedPatch[] = [];
let work: string;
let folder: string;
let python: PythonLayers;
let images: string;
let api: ApiUnderTest;
let container: ControlContainer;
let versionId: string;
let modelId: string;
let client: Client | undefined;

/** One run of the client, with what it has printed so far. */
interface Client {
  readonly end: Promise<ClientEnd>;
  output(): string;
  interrupt(): void;
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-truss-client-"));
  images = join(work, "images");
  python = await ensurePythonLayers({ cache: menagerieCache(), progress: silent, signal });
  api = await startDevelopmentApi({
    containers: openContainers(),
    deployments: {
      async deployDraft(request) {
        pushed.push(request);
        return { modelId, versionId };
      },
      status: async () => undefined,
    },
  });
}, 600_000);

afterAll(async () => {
  await api?.stop();
  await rm(work, { recursive: true, force: true });
});

beforeEach(async () => {
  const name = `dev-${randomUUID().slice(0, 8)}`;
  folder = join(work, name);
  await cp(join(import.meta.dirname, "..", "..", "models", "multiplier"), folder, { recursive: true });
  const config = (await readFile(join(folder, "config.yaml"), "utf8")).replace(/^model_name:.*\n/m, "");
  await writeFile(join(folder, "config.yaml"), `model_name: ${name}\n${config}live_reload: true\n`);
  await save("v0");
  const { snapshot, patterns } = await readTruss(folder);
  const hash = hashSnapshot(snapshot, patterns);
  const builder = createDirectoryBuilder({ store: images, cache: menagerieCache(), python, progress: silent, signal });
  const reference = imageReference(await builder.build({ folder, hash, name }));
  ({ versionId, modelId } = await api.newVersion(name));
  container = await runControlContainer(images, reference, {
    ...{
      HASH_TRUSS: hash,
      PYTHONDONTWRITEBYTECODE: "1",
      PATCH_PING_URL_TRUSS: pingUrl(api.url, signingKey, versionId),
    },
  });
  const { url, startedAt } = container;
  api.cluster.place(versionId, { name, url, instance: randomUUID(), startedAt, isReady: true });
  const own = createDevelopmentVersions({ url: api.url, key: adminKey });
  await own.startGeneration(versionId, { hash, signature: signatureOf(snapshot, patterns) });
  expect(await own.sync(versionId)).toMatchObject({ state: "synced" });
});

afterEach(async () => {
  client?.interrupt();
  await client?.end;
  client = undefined;
  await container?.stop();
});

/** Saves a model whose every prediction is `text`. */
async function save(text: string, more = ""): Promise<void> {
  const code = `class Model:\n    def predict(self, model_input):\n        return ${JSON.stringify(text)}\n${more}`;
  await writeFile(join(folder, "model", "model.py"), code);
}

async function folderHash(): Promise<string> {
  const { snapshot, patterns } = await readTruss(folder);
  return hashSnapshot(snapshot, patterns);
}

function start(...args: string[]): Client {
  let output = "";
  let child: ChildProcess | undefined;
  const end = runTrussClient({
    truss: join(python.truss, "bin", "truss"),
    args,
    api: { url: api.url, key: adminKey },
    env: { ...process.env, HOME: work, NO_COLOR: "1", COLUMNS: "200" },
    stdio: "pipe",
    onStaged: async (patch) => void staged.push(patch),
    onStart: (started) => {
      child = started;
      for (const stream of [started.stdout, started.stderr]) {
        stream?.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      }
    },
  });
  client = { end, output: () => output, interrupt: () => void child?.kill("SIGINT") };
  return client;
}

const answers = (text: string) =>
  expect
    .poll(async () => (await predict(container.url, {}).catch(() => undefined))?.body, {
      timeout: 60_000,
      interval: 100,
    })
    .toBe(text);
const says = (run: Client, text: string | RegExp) =>
  expect.poll(() => run.output(), { timeout: 60_000, interval: 100 }).toMatch(text);

test("watch: a save is the next prediction; an undone edit and a second client too", async () => {
  const run = start("watch", folder, "--remote", "menagerie");
  await says(run, /Watching for changes/i);
  await save("v1");
  await answers("v1");
  await save("v0");
  await answers("v0");
  await save("v2");
  await answers("v2");
  expect(staged.at(-1)).toEqual({ versionId, hash: await folderHash() });
  // Another client moves the head: the next edit of this one is computed against the new head, and takes it back.
  const own = createDevelopmentVersions({ url: api.url, key: adminKey });
  const other = join(work, "other");
  await cp(folder, other, { recursive: true });
  await writeFile(join(other, "model", "extra.py"), "X = 1\n");
  const { snapshot, patterns } = await readTruss(other);
  const head = await own.status(versionId);
  const plan = computePatch(head.headSignature, snapshot, patterns);
  await own.patch(versionId, {
    ...{ prevHash: head.headHash, nextHash: plan.nextHash, nextSignature: signatureOf(snapshot, patterns) },
    patches: "patches" in plan ? [...plan.patches] : [],
  });
  await save("v3");
  await answers("v3");
  const status = await own.status(versionId);
  expect(Object.keys(status.headSignature.content_hashes_by_path)).not.toContain("model/extra.py");
  expect(status).toMatchObject({ state: "synced", runningHash: status.headHash });
  run.interrupt();
  const { refused } = await run.end;
  // What it did ask of others (its own updates and telemetry) was refused on this machine.
  expect(refused.filter((host) => !/^[a-z0-9.-]+:443$/.test(host))).toEqual([]);
});

test("watch: what needs another image is refused with the reason, and the next edit goes on", async () => {
  const run = start("watch", folder, "--remote", "menagerie");
  await says(run, /Watching for changes/i);
  const config = join(folder, "config.yaml");
  const before = await readFile(config, "utf8");
  await writeFile(config, before.replace(/^python_version:.*\n/m, "python_version: py312\n"));
  await says(run, /python_version changed/);
  await writeFile(config, before);
  await save("after");
  await answers("after");
});

test("push: the archive that is uploaded is the folder, under credentials for it alone", async () => {
  const run = start("push", folder, "--remote", "menagerie", "--watch", "--non-interactive");
  await expect.poll(() => pushed.length, { timeout: 60_000 }).toBeGreaterThan(0);
  const { upload, name } = pushed.at(-1) ?? { upload: "", name: "" };
  expect(name).toBe(folder.split("/").at(-1));
  const archive = await api.uploads.read(upload);
  expect(archive?.includes("class Model")).toBe(true);
  await says(run, /Watching for changes/i);
  await save("pushed");
  await answers("pushed");
});

test("a published push is refused with what to do", async () => {
  const { code } = await start("push", folder, "--remote", "menagerie", "--non-interactive").end;
  expect(code).not.toBe(0);
  expect(client?.output()).toMatch(/pulumi up/);
});
