import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeConfig, type V1ResourceQuota } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { cancelPatch, judgeRun, type ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import { environmentLayout } from "../../src/local/layout.ts";
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

  cluster = new KubeConfig();
  cluster.loadFromFile(environmentLayout("local", home.path).kubeconfig);
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
    /truss "multiplier": its build failed in step build \(PipelineRun menagerie-builds\/multiplier-/,
  );
  expect(stdout + stderr).toMatch(/Its last log lines:\s.*no-such-package-of-menagerie/s);
  expect(await answer()).toEqual({ results: [6.6] });
});

test("a run that was cancelled is told, and the next `up` starts another", async () => {
  // No pod may start, so the run waits to be cancelled.
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, spec: { hard: { pods: "0" } } };
  await request(cluster, "POST", quotaPath, { body: quota });
  await until(async () => (await requestJson<V1ResourceQuota>(cluster, "GET", `${quotaPath}/none`)).status?.hard?.pods);
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

  await request(cluster, "DELETE", `${quotaPath}/none`);
  const again = await home.menagerie(["up"]);
  expect(again.code, again.stdout + again.stderr).toBe(0);
  const last = (await runs()).at(-1) as ObservedRun;
  expect(last.metadata.name).toBe(run.metadata.name.replace(/-1$/, "-2"));
  expect(judgeRun(last).state).toBe("succeeded");
});

/** Looks until there is an answer; the test's own timeout ends it. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
