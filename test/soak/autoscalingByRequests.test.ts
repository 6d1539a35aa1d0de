import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node";
import { Agent, request as ask } from "undici";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { isReady } from "../../src/domain/serving/pods.ts";
import { loadQuery } from "../../src/domain/traffic/loadQuery.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { building, ensureKeda, ensurePrometheus } from "../support/testTools.ts";
import { deployKeda, installKedaKinds } from "./kedaOperator.ts";
import { ask as askPrometheus, deployPrometheus, prometheusUrl } from "./prometheusServer.ts";

/**
 * What KServe makes for KEDA, which the API server holds to KEDA's own CRDs, what its trigger asks of a real Prometheus, and what KEDA's
 * operator and metrics adapter make of the answer: of KEDA's scalers they have that of Prometheus alone.
 */

let home: TestHome;
let cluster: KubeConfig;
let gateway: string;
/** An app of the model. */
let app: string;
const agent = new Agent({ connections: 32 });
const space = "models";

interface Trigger {
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly authenticationRef?: { readonly name: string };
}
interface Scaler {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly minReplicaCount?: number;
    readonly maxReplicaCount?: number;
    readonly scaleTargetRef: { readonly name: string };
    readonly triggers?: readonly Trigger[];
  };
}

/** A stack of one model that is recorded, and of one that may sleep. */
const stack = (target: string): string => `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 180, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:prometheus: { url: ${prometheusUrl} }
  menagerie:zoo:
    busy:
      truss: models/multiplier
      phase: done
      recording: { sample: 100 }
      replicas: { min: 1, max: 3, target: ${target} }
      resources: { cpu: 100m, memory: 512Mi }
      env: { FACTOR: "2" }
    napping:
      truss: models/multiplier
      phase: done
      replicas: { min: 0, max: 2, idleMinutes: 60, target: ${target} }
      resources: { cpu: 100m, memory: 512Mi }
      env: { FACTOR: "3" }
`;

beforeAll(ensurePrometheus, building);

beforeAll(async () => void (await ensureKeda()), building);

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  const layout = environmentLayout("local", home.path);
  cluster = kubeConfigOf(layout.kubeconfig);
  await deployPrometheus(cluster, layout);
});

afterAll(async () => {
  await agent.close();
  await home.dispose();
  await rm(home.project, { recursive: true, force: true });
});

async function up(target: string) {
  await writeFile(join(home.project, "Pulumi.local.yaml"), stack(target));
  return home.menagerie(["up"]);
}

async function deploy(target: string): Promise<void> {
  const { code, stdout, stderr } = await up(target);
  expect(code, stdout + stderr).toBe(0);
}

const listed = async <T>(path: string): Promise<readonly T[]> =>
  (await requestJson<{ items: readonly T[] }>(cluster, "GET", path)).items;
const scaledObjects = () => listed<Scaler>(`/apis/keda.sh/v1alpha1/namespaces/${space}/scaledobjects`);
const autoscalers = () => listed<Scaler>(`/apis/autoscaling/v2/namespaces/${space}/horizontalpodautoscalers`);
/** Names of the busy model's pods that are ready, and of no others. */
async function readyPods(): Promise<string[]> {
  const { items } = await cluster.makeApiClient(CoreV1Api).listNamespacedPod({
    namespace: space,
    labelSelector: "menagerie.dev/model=busy,component=predictor",
  });
  const living = items.filter(({ metadata }) => !metadata?.deletionTimestamp);
  return living.filter((pod) => isReady(pod)).map(({ metadata }) => metadata?.name ?? "");
}
const namesOf = (objects: readonly Scaler[]) =>
  objects.map(({ metadata }) => metadata.name.replace(/-[0-9a-f]{8}/, ""));

/** As KEDA reads an answer (2.18, `prometheus_scaler.go`). */
async function loadBy(query: string): Promise<number> {
  const elements = await askPrometheus(cluster, query);
  if (elements.length > 1) throw new Error("returned multiple elements");
  return Number(elements[0]?.value[1] ?? 0);
}

async function post(path: string): Promise<number> {
  const { statusCode, body } = await ask(gateway + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"values": ["3.3"]}',
    dispatcher: agent,
  });
  await body.dump();
  return statusCode;
}

const predict = (model = "busy") => post(`/serving/${space}/${model}/v1/models/model:predict`);
/** By way of the gateway to the API service, which sends it to the version itself. */
const predictByApp = (id = app) => post(`/models/${id}/predict`);

async function newApp(model: string): Promise<string> {
  const { stdout, stderr } = await home.menagerie(["app", "create", model, "--owner", "ada@example.com", "--json"]);
  expect(stdout, stderr).not.toBe("");
  return (JSON.parse(stdout) as { id: string }).id;
}

/** Sends so many requests, four at once; each must be answered. */
async function sendAll(count: number, send: () => Promise<number>): Promise<void> {
  for (let sent = 0; sent < count; sent += 4) {
    expect(await Promise.all([send(), send(), send(), send()])).toEqual([200, 200, 200, 200]);
  }
}

/** Asks on and on, as so many clients that each wait for their answers, until it is stopped. */
function clients(count: number, send: () => Promise<number>): { readonly stop: () => Promise<ReadonlySet<number>> } {
  const statuses = new Set<number>();
  let isOver = false;
  const running = Array.from({ length: count }, async () => {
    while (!isOver) statuses.add(await send());
  });
  return {
    async stop() {
      isOver = true;
      await Promise.all(running);
      return statuses;
    },
  };
}

/** The trigger's query of a model. */
async function queryOf(model: string): Promise<string> {
  const found = (await scaledObjects()).find(({ metadata }) => metadata.name.startsWith(`${model}-v1`));
  return found?.spec.triggers?.[0]?.metadata.query ?? "";
}

/** Requests of the last two minutes, by a query for those of a second. Two minutes have room for a test: all of it lies within them. */
const requestsBy = async (query: string) => (await loadBy(query)) * 120;
const counted = { timeout: 20_000, interval: 500 };

test("a target by requests is refused until the cluster has KEDA's kinds", async () => {
  const { code, stdout: told } = await up("{ rps: 20 }");
  expect(code).toBe(1);
  expect(told).toContain(
    "menagerie:zoo.busy.replicas.target.rps: the cluster does not serve keda.sh/v1alpha1; install KEDA 2, or use cpu",
  );
  await installKedaKinds(cluster);
  await deploy("{ cpu: 70 }");
  // The recorder's has as many pods at most as at least.
  expect(namesOf(await autoscalers()).sort()).toEqual([
    "busy-v1-predictor",
    "busy-v1-transformer",
    "napping-v1-predictor",
  ]);
  const { stdout } = await home.menagerie(["status", "--json"]);
  ({ gateway } = JSON.parse(stdout) as { gateway: string });
  app = await newApp("busy");
});

test("KServe makes a ScaledObject of the model and none of its recorder, and the autoscaler of before goes", async () => {
  await deploy("{ rps: 20 }");
  const all = await scaledObjects();
  expect(namesOf(all).sort()).toEqual(["busy-v1-predictor", "napping-v1-predictor"]);
  const scaler = all.find(({ metadata }) => metadata.name.startsWith("busy"));
  expect(scaler?.spec).toMatchObject({ minReplicaCount: 1, maxReplicaCount: 3 });
  expect(scaler?.spec.scaleTargetRef.name).toBe(scaler?.metadata.name);
  const [trigger, ...more] = scaler?.spec.triggers ?? [];
  expect(more).toEqual([]);
  expect(trigger).toMatchObject({ type: "prometheus", metadata: { serverAddress: prometheusUrl, threshold: "20" } });
  expect(trigger).not.toHaveProperty("authenticationRef");
  expect(await autoscalers()).toEqual([]);
});

test("the trigger's query counts the requests of this version, at the gateway and of apps, and no others", async () => {
  const query = await queryOf("busy");
  // Prometheus makes more of the first steps of a counter than they are: each has counted before.
  expect([await predict(), await predictByApp()]).toEqual([200, 200]);
  // What came until now, and while the model was deployed, is over.
  await vi.waitFor(async () => expect(await loadBy(query)).toBe(0), { timeout: 200_000, interval: 2_000 });
  await sendAll(240, predict);
  await vi.waitFor(async () => expect(await requestsBy(query)).toBeGreaterThan(0.97 * 240), counted);
  expect(await requestsBy(query)).toBeLessThan(1.05 * 240);
  await sendAll(240, predictByApp);
  await vi.waitFor(async () => expect(await requestsBy(query)).toBeGreaterThan(0.97 * 480), counted);
  expect(await requestsBy(query)).toBeLessThan(1.05 * 480);
}, 300_000);

test("a request to a model that may sleep is counted once, though it passes the gateway and the API service", async () => {
  const query = await queryOf("napping");
  const ofNapping = await newApp("napping");
  expect([await predict("napping"), await predictByApp(ofNapping)]).toEqual([200, 200]);
  for (const send of [() => predict("napping"), () => predictByApp(ofNapping)]) {
    // What was sent before is out of the query's window, however long sending takes.
    await vi.waitFor(async () => expect(await loadBy(query)).toBe(0), { timeout: 200_000, interval: 2_000 });
    await sendAll(120, send);
    await vi.waitFor(async () => expect(await requestsBy(query)).toBeGreaterThan(0.97 * 120), counted);
    expect(await requestsBy(query)).toBeLessThan(1.05 * 120);
  }
}, 600_000);

test("a version that nobody asks is at zero, and what nobody scrapes has no number that could scale", async () => {
  const asked = {
    service: "busy-v1",
    namespace: space,
    servicesNamespace: "menagerie",
    gatewayNamespace: "istio-system",
  };
  for (const metric of ["rps", "concurrency"] as const) {
    expect(await loadBy(loadQuery(metric, { ...asked, service: "quiet-v1" }))).toBe(0);
    for (const missing of ["gatewayNamespace", "servicesNamespace"]) {
      await expect(loadBy(loadQuery(metric, { ...asked, [missing]: "elsewhere" }))).rejects.toThrow("multiple");
    }
  }
});

test("requests in flight are told on average", async () => {
  await deploy("{ concurrency: 3 }");
  const [scaler] = await scaledObjects();
  expect(scaler?.spec.triggers?.[0]?.metadata.threshold).toBe("3");
  const query = await queryOf("busy");
  // At most one request of each client is in flight; the model computes one at a time, so others wait.
  for (const send of [predict, predictByApp]) {
    await vi.waitFor(async () => expect(await loadBy(query)).toBeLessThan(0.1), { timeout: 90_000, interval: 1_000 });
    const asking = clients(6, () => send());
    await vi.waitFor(async () => expect(await loadBy(query)).toBeGreaterThan(1), { timeout: 90_000, interval: 1_000 });
    expect(await loadBy(query)).toBeLessThanOrEqual(6);
    expect(await asking.stop()).toEqual(new Set([200]));
  }
}, 400_000);

test("KEDA gives the model a second pod for what gateway and apps ask together, and takes it back", async () => {
  await deploy("{ concurrency: 3 }");
  await deployKeda(cluster, environmentLayout("local", home.path));
  const query = await queryOf("busy");
  const minutes = (count: number) => ({ timeout: count * 60_000, interval: 500 });
  await vi.waitFor(async () => expect(await readyPods()).toHaveLength(1), minutes(4));
  await vi.waitFor(async () => expect(await loadBy(query)).toBeLessThan(0.1), minutes(2));
  const [first] = await readyPods();
  // Three at once are what one pod takes: neither of the two is too much for it.
  const asking = [clients(3, () => predict()), clients(3, () => predictByApp())];
  const started = Date.now();
  await vi.waitFor(async () => expect(await readyPods()).toHaveLength(2), minutes(5));
  console.log(`a second pod is ready after ${Math.round((Date.now() - started) / 1000)} s of load`);
  expect(await readyPods()).toContain(first);
  for (const each of asking) expect(await each.stop()).toEqual(new Set([200]));
  const idle = Date.now();
  // KEDA has its autoscalers keep pods for five minutes.
  await vi.waitFor(async () => expect(await readyPods()).toHaveLength(1), minutes(12));
  console.log(`one pod is left ${Math.round((Date.now() - idle) / 1000)} s later`);
}, 1_800_000);

test("a token of Prometheus comes to KEDA by a TriggerAuthentication, and back to CPU leaves nothing of KEDA's scaling", async () => {
  const set = ["pulumi", "--", "config", "set", "--secret", "--path", "menagerie:prometheus.bearerToken", "tulip"];
  expect((await home.menagerie(set)).code).toBe(0);
  await deploy("{ concurrency: 2 }");
  const [scaler] = await scaledObjects();
  const [trigger] = scaler?.spec.triggers ?? [];
  expect(trigger).toMatchObject({ metadata: { authModes: "bearer" }, authenticationRef: { name: "gateway-counters" } });
  const objects = "/apis/keda.sh/v1alpha1/namespaces/models/triggerauthentications";
  expect(await listed(objects)).toMatchObject([
    { spec: { secretTargetRef: [{ parameter: "bearerToken", name: "gateway-counters", key: "bearerToken" }] } },
  ]);
  const secret = await requestJson<{ data: { bearerToken: string } }>(
    cluster,
    "GET",
    `/api/v1/namespaces/${space}/secrets/gateway-counters`,
  );
  expect(Buffer.from(secret.data.bearerToken, "base64").toString()).toBe("tulip");

  const { code, stderr } = await up("{ cpu: 70 }");
  const hash = /--agreed ([0-9a-f-]+)/.exec(stderr)?.[1];
  // Removing the token's objects has to be agreed to.
  expect(code, stderr).toBe(hash === undefined ? 0 : 3);
  if (hash !== undefined) expect((await home.menagerie(["up", "--agreed", hash])).code).toBe(0);
  expect(await scaledObjects()).toEqual([]);
  expect(await listed(objects)).toEqual([]);
  // KEDA's own go with the objects that it made them for.
  await vi.waitFor(
    async () =>
      expect(namesOf(await autoscalers()).sort()).toEqual([
        "busy-v1-predictor",
        "busy-v1-transformer",
        "napping-v1-predictor",
      ]),
    counted,
  );
});
