import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import { Agent, request as ask } from "undici";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { loadQuery } from "../../src/domain/traffic/loadQuery.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest } from "../local/support/manifests.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { building, ensureKedaModule, ensurePrometheus } from "../support/testTools.ts";
import { ask as askPrometheus, deployPrometheus, prometheusUrl } from "./prometheusServer.ts";

/**
 * What KServe makes for KEDA, which the API server holds to KEDA's own CRDs, and what its trigger asks of a real Prometheus. KEDA itself
 * does not run: 134 MB of Go, which is more than ten minutes of a processor.
 */

let home: TestHome;
let cluster: KubeConfig;
let gateway: string;
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

/** A stack of one model that is recorded. */
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
`;

beforeAll(ensurePrometheus, building);

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
const namesOf = (objects: readonly Scaler[]) =>
  objects.map(({ metadata }) => metadata.name.replace(/-[0-9a-f]{8}/, ""));

/** As KEDA reads an answer (2.18, `prometheus_scaler.go`). */
async function loadBy(query: string): Promise<number> {
  const elements = await askPrometheus(cluster, query);
  if (elements.length > 1) throw new Error("returned multiple elements");
  return Number(elements[0]?.value[1] ?? 0);
}

async function predict(): Promise<number> {
  const { statusCode, body } = await ask(`${gateway}/serving/${space}/busy/v1/models/model:predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"values": ["3.3"]}',
    dispatcher: agent,
  });
  await body.dump();
  return statusCode;
}

test("a target by requests is refused until the cluster has KEDA's kinds", async () => {
  const { code, stdout: told } = await up("{ rps: 20 }");
  expect(code).toBe(1);
  expect(told).toContain(
    "menagerie:zoo.busy.replicas.target.rps: the cluster does not serve keda.sh/v1alpha1; install KEDA 2, or use cpu",
  );
  const crds = join(await ensureKedaModule(), "config", "crd", "bases");
  for (const file of (await readdir(crds)).filter((name) => name.startsWith("keda.sh_"))) {
    for (const crd of loadAll(await readFile(join(crds, file), "utf8")) as Manifest[])
      await applyManifest(cluster, crd);
  }
  await deploy("{ cpu: 70 }");
  // The recorder's has as many pods at most as at least.
  expect(namesOf(await autoscalers()).sort()).toEqual(["busy-v1-predictor", "busy-v1-transformer"]);
  const { stdout } = await home.menagerie(["status", "--json"]);
  ({ gateway } = JSON.parse(stdout) as { gateway: string });
});

test("KServe makes a ScaledObject of the model and none of its recorder, and the autoscaler of before goes", async () => {
  await deploy("{ rps: 20 }");
  const [scaler, ...others] = await scaledObjects();
  expect(namesOf(others)).toEqual([]);
  expect(scaler && namesOf([scaler])).toEqual(["busy-v1-predictor"]);
  expect(scaler?.spec).toMatchObject({ minReplicaCount: 1, maxReplicaCount: 3 });
  expect(scaler?.spec.scaleTargetRef.name).toBe(scaler?.metadata.name);
  const [trigger, ...more] = scaler?.spec.triggers ?? [];
  expect(more).toEqual([]);
  expect(trigger).toMatchObject({ type: "prometheus", metadata: { serverAddress: prometheusUrl, threshold: "20" } });
  expect(trigger).not.toHaveProperty("authenticationRef");
  expect(await autoscalers()).toEqual([]);
});

test("the trigger's query counts the requests of this version, and no others", async () => {
  const [scaler] = await scaledObjects();
  const query = scaler?.spec.triggers?.[0]?.metadata.query ?? "";
  // What came while the model was deployed is over.
  await vi.waitFor(async () => expect(await loadBy(query)).toBe(0), { timeout: 200_000, interval: 2_000 });
  const sent = 240;
  for (let count = 0; count < sent; count += 4) {
    expect(await Promise.all([predict(), predict(), predict(), predict()])).toEqual([200, 200, 200, 200]);
  }
  // Two minutes have room for the test: all of it lies within them.
  await vi.waitFor(async () => expect((await loadBy(query)) * 120).toBeGreaterThan(0.97 * sent), {
    timeout: 20_000,
    interval: 500,
  });
  expect((await loadBy(query)) * 120).toBeLessThan(1.05 * sent);
});

test("a version that nobody asks is at zero, and what nobody scrapes has no number that could scale", async () => {
  const asked = {
    service: "busy-v1",
    namespace: space,
    servicesNamespace: "menagerie",
    gatewayNamespace: "istio-system",
  };
  for (const metric of ["rps", "concurrency"] as const) {
    expect(await loadBy(loadQuery(metric, { ...asked, service: "quiet-v1" }))).toBe(0);
    await expect(loadBy(loadQuery(metric, { ...asked, gatewayNamespace: "elsewhere" }))).rejects.toThrow("multiple");
  }
});

test("requests in flight are told on average", async () => {
  await deploy("{ concurrency: 2 }");
  const [scaler] = await scaledObjects();
  const { query = "", threshold } = scaler?.spec.triggers?.[0]?.metadata ?? {};
  expect(threshold).toBe("2");
  let isOver = false;
  const clients = Array.from({ length: 6 }, async () => {
    while (!isOver) await predict();
  });
  // At most one request of each client is in flight; the model computes one at a time, so others wait.
  await vi.waitFor(async () => expect(await loadBy(query)).toBeGreaterThan(1), { timeout: 90_000, interval: 1_000 });
  expect(await loadBy(query)).toBeLessThanOrEqual(6);
  isOver = true;
  await Promise.all(clients);
});

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
  expect(namesOf(await autoscalers())).toContain("busy-v1-predictor");
});
