import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createDevelopmentVersions } from "../../src/adapters/api/developmentVersions.ts";
import { createBuildService } from "../../src/adapters/builds/buildService.ts";
import { imageReference } from "../../src/adapters/images/imageStore.ts";
import { createDirectoryBuilder } from "../../src/adapters/truss/builder.ts";
import { ensurePythonLayers, type PythonLayers } from "../../src/adapters/truss/python.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { type ClientEnd, runTrussClient } from "../../src/cli/trussClient/run.ts";
import type { StagedPatch } from "../../src/cli/trussClient/stagedPatch.ts";
import { pingUrl } from "../../src/domain/development/pingToken.ts";
import { computePatch } from "../../src/domain/patch/compute.ts";
import { silent } from "../../src/domain/progress.ts";
import type { InferenceServiceManifest } from "../../src/domain/serving/inferenceService.ts";
import type { PushedServices } from "../../src/domain/serving/pushedServices.ts";
import { annotations, labels } from "../../src/domain/serving/servedModel.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { signatureOf } from "../../src/domain/truss/signature.ts";
import { createBuildServer } from "../../src/local/builder/server.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { deployPushes } from "../../src/services/api/deployments/deployPushes.ts";
import { pushDeployments } from "../../src/services/api/deployments/pushes.ts";
import { openContainers } from "../../src/services/api/development/containers.ts";
import { type ControlContainer, runControlContainer } from "../support/controlTrussProcess.ts";
import { type ApiUnderTest, adminKey, signingKey, startDevelopmentApi } from "../support/developmentApi.ts";
import { predict } from "../support/imageProcess.ts";
import { issueSaying } from "../support/issues.ts";
import type { MemoryCluster } from "../support/versionCluster.ts";

/** The real truss client, unmodified, against the API, a real PostgreSQL and a real control server. */

const ended = new AbortController();
const { signal } = ended;
const buildToken = "token of the build service, which is long enough";
const staged: StagedPatch[] = [];
let work: string;
let folder: string;
let python: PythonLayers;
let images: string;
let api: ApiUnderTest;
let container: ControlContainer;
let versionId: string;
let client: Client | undefined;
/** The build service of an environment, on a TCP port. */
let builds: { readonly server: Server; readonly url: string };
let pushedContainer: ControlContainer | undefined;

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
  builds = await startBuildService();
  api = await startDevelopmentApi({
    containers: openContainers(),
    deployments: ({ pool, uploads, cluster }) => {
      const services: PushedServices = {
        async replace(manifest, ended) {
          await runPushed(cluster, manifest);
          ended.throwIfAborted();
          return "made";
        },
        remove: async () => {},
      };
      const worker = deployPushes(
        {
          pool,
          uploads,
          cluster,
          services,
          signingKey,
          holder: "test",
          log: pino({ level: "silent" }),
          modelsNamespace: "models",
          servicesNamespace: "menagerie",
          builder: createBuildService({ url: builds.url, token: buildToken }),
        },
        signal,
      );
      return pushDeployments({ pool, uploads, services, modelsNamespace: "models", signingKey, onPushed: worker.wake });
    },
  });
}, 600_000);

afterAll(async () => {
  await pushedContainer?.stop();
  ended.abort();
  await api?.stop();
  builds?.server.close();
  await rm(work, { recursive: true, force: true });
});

async function startBuildService(): Promise<typeof builds> {
  const builder = createDirectoryBuilder({ store: images, cache: menagerieCache(), python, progress: silent, signal });
  const server = createBuildServer({ token: buildToken, builder: async () => builder, log: () => {} });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Runs the image of a pushed version as its manifest says, in the place of KServe and a node. */
async function runPushed(cluster: MemoryCluster, { metadata, spec }: InferenceServiceManifest): Promise<void> {
  await pushedContainer?.stop();
  const [{ image = "", env = [] } = {}] = spec.predictor.containers;
  const environment = Object.fromEntries(env.map((each) => [each.name, "value" in each ? String(each.value) : ""]));
  const id = metadata.labels[labels.versionId] ?? "";
  pushedContainer = await runControlContainer(images, image, {
    ...environment,
    PATCH_PING_URL_TRUSS: pingUrl(api.url, signingKey, id),
  });
  const { url, startedAt } = pushedContainer;
  const pod = {
    name: metadata.name,
    url,
    instance: randomUUID(),
    startedAt,
    isReady: true,
    readsCredentialFiles: false,
    variables: new Set<string>(),
  };
  cluster.place(id, pod, metadata.annotations[annotations.deployment]);
}

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
  ({ versionId } = await api.newVersion(name));
  container = await runControlContainer(images, reference, {
    HASH_TRUSS: hash,
    PYTHONDONTWRITEBYTECODE: "1",
    PATCH_PING_URL_TRUSS: pingUrl(api.url, signingKey, versionId),
  });
  const { url, startedAt } = container;
  api.cluster.place(versionId, {
    name,
    url,
    instance: randomUUID(),
    startedAt,
    isReady: true,
    readsCredentialFiles: false,
    variables: new Set<string>(),
  });
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
const pushedAnswers = (text: string) =>
  expect
    .poll(async () => (await predict(pushedContainer?.url ?? "", {}).catch(() => undefined))?.body, {
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
    prevHash: head.headHash,
    nextHash: plan.nextHash,
    nextSignature: signatureOf(snapshot, patterns),
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

test("push --watch: a model that nobody declared is built, deployed and watched; again with a change that needs an image", async () => {
  const name = `pushed-${randomUUID().slice(0, 8)}`;
  const config = join(folder, "config.yaml");
  // As a user writes it: what marks a control truss is the push's to add.
  const text = (await readFile(config, "utf8"))
    .replace("live_reload: true\n", "")
    .replace(/^model_name:.*/, `model_name: ${name}`);
  await writeFile(config, text);
  const run = start("push", folder, "--remote", "menagerie", "--watch", "--non-interactive");
  await says(run, /Watching for changes/i);
  await pushedAnswers("v0");
  await save("pushed");
  await pushedAnswers("pushed");
  run.interrupt();
  await run.end;
  await writeFile(config, text.replace("cpu: 250m", "cpu: 300m"));
  await save("pushed again");
  const again = start("push", folder, "--remote", "menagerie", "--watch", "--non-interactive");
  await says(again, /Watching for changes/i);
  await pushedAnswers("pushed again");
});

test("push: what cannot be built fails with its reason in the log that the client shows", async () => {
  const config = join(folder, "config.yaml");
  const text = (await readFile(config, "utf8")).replace(
    /^model_name:.*/,
    `model_name: broken-${randomUUID().slice(0, 8)}`,
  );
  await writeFile(config, `${text}build_commands: [make]\n`);
  const { code } = await start("push", folder, "--remote", "menagerie", "--watch", "--tail", "--non-interactive").end;
  expect(code).not.toBe(0);
  expect(client?.output()).toMatch(/build_commands/);
});

test("push: uploads that cannot be kept, as by a bucket whose keys have expired, are told without bucket and keys", async () => {
  const config = join(folder, "config.yaml");
  await writeFile(
    config,
    (await readFile(config, "utf8")).replace(/^model_name:.*/, `model_name: kept-${randomUUID()}`),
  );
  const why = 'bucket "uploads" at http://store does not accept or return uploads: ExpiredToken';
  const put = vi.spyOn(api.uploads, "put").mockRejectedValue(issueSaying(why));
  const { code } = await start("push", folder, "--remote", "menagerie", "--watch", "--non-interactive").end;
  put.mockRestore();
  expect(code).not.toBe(0);
  expect(client?.output()).toMatch(/the platform cannot keep uploads now/);
  expect(client?.output()).not.toMatch(/http:\/\/store/);
  expect(api.logged.join("")).toContain("ExpiredToken");
});

test("push: a model that the stack declares is refused with what to do", async () => {
  const { code } = await start("push", folder, "--remote", "menagerie", "--watch", "--non-interactive").end;
  expect(code).not.toBe(0);
  expect(client?.output()).toMatch(/pulumi up/);
});

test("a published push is refused with what to do", async () => {
  const { code } = await start("push", folder, "--remote", "menagerie", "--non-interactive").end;
  expect(code).not.toBe(0);
  expect(client?.output()).toMatch(/pulumi up/);
});
