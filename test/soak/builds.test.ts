import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, KubeConfig, type V1ResourceQuota, type V1Secret } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trussContext } from "../../src/adapters/builds/buildContext.ts";
import { createPipelineBuilder } from "../../src/adapters/builds/pipelineBuilder.ts";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { buildAccess } from "../../src/domain/builds/buildAccess.ts";
import { buildKey, cancelPatch, judgeRun, type ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import type { PushedVersion } from "../../src/domain/development/contract.ts";
import { silent } from "../../src/domain/progress.ts";
import type { InferenceServiceManifest } from "../../src/domain/serving/inferenceService.ts";
import type { TrussBuilder } from "../../src/domain/truss/builder.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { environmentLayout, menagerieCache } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

/** The local stack built by Tekton's own controller, as a user sees it. */

const stack = `config:
  menagerie:nodeClass: local
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:builds: { kind: tekton }
  menagerie:zoo:
    multiplier: { truss: models/multiplier, phase: done, resources: { cpu: 500m, memory: 512Mi }, env: { FACTOR: "2" } }
`;
const runsPath = "/apis/tekton.dev/v1/namespaces/menagerie-builds/pipelineruns";
/** The program of the build step, and not what starts it. */
const buildStep = /^\S+\/bin\/node \S+trussBuild\/main\.ts/;
const quotaPath = "/api/v1/namespaces/menagerie-builds/resourcequotas";

let project: string;
let home: TestHome;
let cluster: KubeConfig;

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
  await writeFile(join(project, "Pulumi.local.yaml"), stack);
});

afterAll(async () => {
  await home.dispose();
  await rm(project, { recursive: true, force: true });
});

/** Changes the model's code, so that there is something to build. */
async function editModel(marker: string): Promise<void> {
  const file = join(project, "models", "multiplier", "model", "model.py");
  await writeFile(file, `${await readFile(file, "utf8")}\n# ${marker}\n`);
}

async function runs(): Promise<ObservedRun[]> {
  const { items } = await requestJson<{ items: ObservedRun[] }>(cluster, "GET", runsPath);
  return items.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
}

async function answer(): Promise<unknown> {
  const { stdout, stderr, code } = await home.menagerie(["predict", "multiplier", "--data", '{"values": ["3.3"]}']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("an image is built by a PipelineRun, deployed by the digest that the run names, and its context is gone", async () => {
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  expect(code, stdout + stderr).toBe(0);
  expect(await answer()).toEqual({ results: [6.6] });

  cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  const made = await runs();
  expect(made).toHaveLength(1);
  const state = judgeRun(made[0] as ObservedRun);
  if (state.state !== "succeeded") return expect.fail(JSON.stringify(state));
  const status = await home.menagerie(["status", "--json"]);
  const { models } = JSON.parse(status.stdout) as { models: { digest: string }[] };
  expect(models.map(({ digest }) => digest)).toEqual([state.image.digest]);
  const secrets = await requestJson<{ items: unknown[] }>(
    cluster,
    "GET",
    "/api/v1/namespaces/menagerie-builds/secrets",
  );
  expect(secrets.items).toEqual([]);
});

test("`up` again builds nothing", async () => {
  const { code } = await home.menagerie(["up"]);
  expect(code).toBe(0);
  expect(await runs()).toHaveLength(1);
});

test("a build that fails is told with the last lines of its log, and what ran before goes on", async () => {
  const file = join(project, "models", "multiplier", "config.yaml");
  const before = await readFile(file, "utf8");
  await writeFile(file, `${before}requirements: ["no-such-package-of-menagerie==9.9.9"]\n`);
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  await writeFile(file, before);
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(
    /truss "multiplier": its build failed in step build \(PipelineRun menagerie-builds\/multiplier-\S+\): "step-build" exited with code 1/,
  );
  expect(stdout + stderr).toMatch(/Its last log lines:\s.*no-such-package-of-menagerie/s);
  expect(await answer()).toEqual({ results: [6.6] });
});

test("a run that was cancelled is told, and the next `up` starts another", async () => {
  // No pod may start, so the run waits to be cancelled.
  await refuseNewPods();
  await editModel("cancelled once");
  const known = new Set((await runs()).map(({ metadata }) => metadata.name));
  const up = home.menagerie(["up"]);
  const run = await until(async () =>
    (await runs()).find((each) => !known.has(each.metadata.name) && judgeRun(each).state === "running"),
  );
  await request(cluster, "PATCH", `${runsPath}/${run.metadata.name}`, {
    body: cancelPatch,
    contentType: "application/merge-patch+json",
  });
  const { code, stdout, stderr } = await up;
  expect(code).toBe(1);
  expect(stdout + stderr).toContain(`${run.metadata.name} was cancelled; run this again to start the next one`);

  await allowNewPods();
  const again = await home.menagerie(["up"]);
  expect(again.code, again.stdout + again.stderr).toBe(0);
  const last = (await runs()).at(-1) as ObservedRun;
  expect(last.metadata.name).toBe(run.metadata.name.replace(/-1$/, "-2"));
  expect(judgeRun(last).state).toBe("succeeded");
});

test("a build that hangs is stopped at its limit: `up` tells where it was, and the next one starts another", async () => {
  await writeFile(join(project, "Pulumi.local.yaml"), stack.replace("kind: tekton", "kind: tekton, timeoutMinutes: 1"));
  await editModel("hangs once");
  const up = home.menagerie(["up"]);
  const step = await until(async () => home.processes().find(({ command }) => buildStep.test(command)));
  process.kill(step.pid, "SIGSTOP");
  const { code, stdout, stderr } = await up;
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(
    /truss "multiplier": its build had not ended after 1 min and was stopped \(PipelineRun menagerie-builds\/multiplier-\S+-1\); it was last at: step build; raise menagerie:builds.timeoutMinutes if it needs longer, and run this again to start the next one/,
  );
  const again = await home.menagerie(["up"]);
  expect(again.code, again.stdout + again.stderr).toBe(0);
  expect((await runs()).at(-1)?.metadata.name).toMatch(/-2$/);
});

describe("a token that expires while a build is waited for", () => {
  const account = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "leaver", namespace: "menagerie-builds" },
  };
  const accounts = "/api/v1/namespaces/menagerie-builds/serviceaccounts";

  /** The builder that a deployer has with a token of an account that Role truss-builder is bound to. */
  async function builderWithToken(): Promise<TrussBuilder> {
    await request(cluster, "POST", accounts, { body: account });
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const made = await requestJson<{ status: { token: string } }>(cluster, "POST", `${accounts}/leaver/token`, {
      body,
    });
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster.getCurrentCluster() as Cluster, { name: "leaver", token: made.status.token });
    return builder(config);
  }

  function builder(config: KubeConfig): TrussBuilder {
    return createPipelineBuilder({
      config,
      namespace: "menagerie-builds",
      serviceAccount: "truss-build",
      timeoutMinutes: 5,
      keep: 3,
      progress: silent,
      signal: new AbortController().signal,
      pack: ({ name }, reading) => trussContext(name, reading),
      params: ({ name, hash }) => ({ name, hash, python: "", control: "false" }),
    });
  }

  test("is told as what it is; the run goes on, and is joined with a valid one", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/menagerie-builds/rolebindings";
    const { bindings } = buildAccess("menagerie-builds", [{ namespace: "menagerie-builds", name: "leaver" }]);
    for (const binding of bindings) await request(cluster, "POST", rbac, { body: binding });
    const folder = join(project, "models", "greeter");
    const { snapshot, patterns } = await readTruss(folder);
    const truss = { folder, name: "greeter", hash: hashSnapshot(snapshot, patterns) };
    await refuseNewPods();
    const waiting = (await builderWithToken()).build(truss);
    const told = expect(waiting).rejects.toThrow(
      /does not accept your credentials for builds in namespace "menagerie-builds" \(Unauthorized\); log in to the cluster and run this again/,
    );
    const name = `${buildKey(truss.name, truss.hash)}-1`;
    await until(async () => {
      const run = (await runs()).find(({ metadata }) => metadata.name === name);
      return run && judgeRun(run).state === "running" ? run : undefined;
    });
    await request(cluster, "DELETE", `${accounts}/leaver`);
    await told;
    await allowNewPods();
    await builder(cluster).build(truss);
    const attempts = (await runs()).filter(({ metadata }) =>
      metadata.name.startsWith(buildKey(truss.name, truss.hash)),
    );
    expect(attempts.map(({ metadata }) => metadata.name)).toEqual([name]);
  });
});

describe("what a client pushes", () => {
  let work: string;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "menagerie-pushed-"));
  });

  afterAll(() => rm(work, { recursive: true, force: true }));

  /** A truss of greeter's code, of this name and with this config. */
  async function trussOf(name: string, config: string): Promise<string> {
    const folder = join(work, name);
    await cp(join(project, "models", "greeter"), folder, { recursive: true });
    const resources = "resources: { cpu: 250m, memory: 256Mi }";
    await writeFile(join(folder, "config.yaml"), `model_name: ${name}\npython_version: py311\n${resources}\n${config}`);
    return folder;
  }

  test.each([
    ["that is to be reloaded live", "lively", "live_reload: true\n"],
    ["without a word about either", "plain", ""],
  ])(
    "%s is built by a PipelineRun with a control server, deployed by its digest, and answers",
    async (_, name, config) => {
      const output = await push(await trussOf(name, config), /Watching for changes/);
      const { versionId, modelId } = await pushed(name);
      const run = (await runs()).find(({ metadata }) => metadata.name.startsWith(`pushed-${versionId}-`));
      if (!run) return expect.fail(`no PipelineRun for version ${versionId}: ${output}`);
      expect((run as unknown as { spec: { params: unknown } }).spec.params).toEqual(
        expect.arrayContaining([
          { name: "control", value: "true" },
          { name: "python", value: "" },
        ]),
      );
      const state = judgeRun(run);
      if (state.state !== "succeeded") return expect.fail(JSON.stringify(state));
      const service = await requestJson<InferenceServiceManifest>(
        cluster,
        "GET",
        `/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/pushed-${versionId}`,
      );
      expect(service.spec.predictor.containers[0]?.image).toBe(`${state.image.url}@${state.image.digest}`);
      const { url, key } = await api();
      const answer = await fetch(`${url}/hosts/${modelId}/development/predict`, {
        method: "POST",
        headers: { authorization: `Api-Key ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ names: ["Ada"] }),
      });
      expect(await answer.json()).toEqual({ greetings: ["Hello, Ada!"], greeted: 1 });
    },
  );

  test("and cannot be built ends that push, with the step and its log", async () => {
    const folder = await trussOf("broken", 'requirements: ["no-such-package-of-menagerie==9.9.9"]\n');
    await push(folder, /no-such-package-of-menagerie/, ["--tail"]);
    const { status, because } = await pushed("broken");
    expect(status).toBe("failed");
    expect(because).toMatch(
      /its build failed in step build \(PipelineRun menagerie-builds\/pushed-.*Its last log lines:/s,
    );
  });

  async function api(): Promise<{ url: string; key: string }> {
    const { stdout } = await home.menagerie(["status", "--json"]);
    const { data } = await requestJson<V1Secret>(cluster, "GET", "/api/v1/namespaces/menagerie/secrets/api-database");
    const key = Buffer.from(data?.adminKey ?? "", "base64").toString("utf8");
    return { url: (JSON.parse(stdout) as { api: string }).api, key };
  }

  /** What the API service knows of a pushed model. */
  async function pushed(model: string): Promise<PushedVersion> {
    const { url, key } = await api();
    const answer = await fetch(`${url}/v1/development/`, { headers: { authorization: `Api-Key ${key}` } });
    const { versions } = (await answer.json()) as { versions: PushedVersion[] };
    const found = versions.find((each) => each.model === model);
    if (!found) throw new Error(`${model} is not among ${JSON.stringify(versions)}`);
    return found;
  }

  /** Pushes with the truss client until it says `end`, and answers all that it said. */
  function push(folder: string, end: RegExp, options: readonly string[] = []): Promise<string> {
    const args = ["truss-client", "--", "push", folder, "--watch", "--non-interactive", ...options];
    const client = spawn(process.execPath, [join(project, "src/cli/main.ts"), ...args], {
      cwd: project,
      env: {
        ...process.env,
        MENAGERIE_HOME: home.path,
        MENAGERIE_CACHE: menagerieCache(),
        HOME: work,
        NO_COLOR: "1",
        COLUMNS: "300",
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    return new Promise((resolve, reject) => {
      let said = "";
      let isSaid = false;
      const hear = (text: Buffer): void => {
        said += text;
        if (isSaid || !end.test(said)) return;
        isSaid = true;
        // As Ctrl-C in a terminal, to all of it.
        if (client.pid !== undefined) process.kill(-client.pid, "SIGINT");
      };
      client.stdout.on("data", hear);
      client.stderr.on("data", hear);
      client.once("error", reject);
      client.once("close", () => (isSaid ? resolve(said) : reject(new Error(`the client ended: ${said}`))));
    });
  }
});

async function refuseNewPods(): Promise<void> {
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, spec: { hard: { pods: "0" } } };
  await request(cluster, "POST", quotaPath, { body: quota });
  await until(async () => (await requestJson<V1ResourceQuota>(cluster, "GET", `${quotaPath}/none`)).status?.hard?.pods);
}

async function allowNewPods(): Promise<void> {
  await request(cluster, "DELETE", `${quotaPath}/none`);
}

/** Looks until there is an answer; the test's own timeout ends it. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
