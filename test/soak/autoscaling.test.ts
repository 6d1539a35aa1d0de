import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CoreV1Api, type KubeConfig, Metrics, topPods, type V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { Agent, request as ask } from "undici";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { isReady } from "../../src/domain/serving/pods.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

/** The real HorizontalPodAutoscaler of a real model, which goes by what the embedded node says that its pods use. */

let home: TestHome;
let cluster: KubeConfig;
let gateway: string;
const agent = new Agent({ connections: 32 });
const space = "models";

/** A stack of one model that is given a tenth of a core. */
const stack = (replicas: string): string => `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 180, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:zoo:
    busy:
      truss: models/multiplier
      phase: done
      replicas: ${replicas}
      resources: { cpu: 100m, memory: 512Mi }
      env: { FACTOR: "2" }
`;

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  await deploy("{ min: 1, max: 2, target: { cpu: 60 } }");
  cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  const { stdout } = await home.menagerie(["status", "--json"]);
  ({ gateway } = JSON.parse(stdout) as { gateway: string });
});

afterAll(async () => {
  await agent.close();
  await home.dispose();
  await rm(home.project, { recursive: true, force: true });
});

async function deploy(replicas: string): Promise<void> {
  await writeFile(join(home.project, "Pulumi.local.yaml"), stack(replicas));
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  expect(code, stdout + stderr).toBe(0);
}

/** Asks by so many clients at once, each without a pause, until it is told to stop; answers how often which status came. */
function load(clients: number, pauseMs = 0) {
  const statuses = new Map<number, number>();
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const { statusCode, body } = await ask(`${gateway}/serving/${space}/busy/v1/models/model:predict`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"values": ["3.3"]}',
        dispatcher: agent,
      });
      await body.dump();
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const running = Array.from({ length: clients }, client);
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(running);
      return Object.fromEntries(statuses);
    },
  };
}

const autoscalers = async () =>
  (
    await requestJson<{ items: V2HorizontalPodAutoscaler[] }>(
      cluster,
      "GET",
      `/apis/autoscaling/v2/namespaces/${space}/horizontalpodautoscalers`,
    )
  ).items;

/** Names of the model's pods that are ready, and of no others. */
async function readyPods(): Promise<string[]> {
  const { items } = await cluster.makeApiClient(CoreV1Api).listNamespacedPod({
    namespace: space,
    labelSelector: "menagerie.dev/model=busy",
  });
  const living = items.filter(({ metadata }) => !metadata?.deletionTimestamp);
  return living.filter((pod) => isReady(pod)).map(({ metadata }) => metadata?.name ?? "");
}

const minutes = (count: number) => ({ timeout: count * 60_000, interval: 500 });

test("kubectl top tells what the pods use, by the API that a cluster's metrics server has", async () => {
  const metrics = new Metrics(cluster);
  await vi.waitFor(async () => {
    const pods = await topPods(cluster.makeApiClient(CoreV1Api), metrics, space);
    const [busy, ...more] = pods.filter(({ Pod }) => Pod.metadata?.labels?.["menagerie.dev/model"] === "busy");
    expect(more).toEqual([]);
    // An idle model has loaded Python and its libraries.
    expect(Number(busy?.Memory.CurrentUsage)).toBeGreaterThan(16 * 1024 ** 2);
    expect(busy?.Containers.map(({ Container }) => Container)).toEqual(["kserve-container"]);
  }, minutes(1));
  const { items: nodes } = await metrics.getNodeMetrics();
  expect(nodes.find(({ metadata }) => metadata.name === "cpu-0")?.usage.memory).toMatch(/^[1-9]\d*Ki$/);
  const selected = (labelSelector: string) =>
    requestJson<{ items: unknown[] }>(cluster, "GET", `/apis/metrics.k8s.io/v1beta1/namespaces/${space}/pods`, {
      query: { labelSelector },
    });
  expect((await selected("menagerie.dev/model=busy")).items).toHaveLength(1);
  expect((await selected("menagerie.dev/model in (idle)")).items).toEqual([]);
  const anybody = new Metrics(asSomebody(cluster));
  await expect(anybody.getPodMetrics(space)).rejects.toThrow(/403|forbidden/i);
});

/** The administrator, who asks what somebody without any rights may see. */
function asSomebody(config: KubeConfig): KubeConfig {
  const other = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  for (const user of other.users) Object.assign(user, { impersonateUser: "somebody" });
  expect(config.users).toHaveLength(1);
  return other;
}

test("a model gets a second pod under load and gives it back, and every request is answered", async () => {
  const [before, ...others] = await autoscalers();
  expect(others).toEqual([]);
  expect(before?.spec).toMatchObject({
    minReplicas: 1,
    maxReplicas: 2,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } }],
  });
  const [first] = await readyPods();
  const heavy = load(4);
  const started = Date.now();
  await vi.waitFor(async () => expect(await readyPods()).toHaveLength(2), minutes(5));
  console.log(`a second pod is ready after ${Math.round((Date.now() - started) / 1000)} s of load`);
  expect(await readyPods()).toContain(first);
  const answers = await heavy.stop();
  expect(Object.keys(answers)).toEqual(["200"]);

  // Another target is another number in the autoscaler: pods go on.
  const pods = await readyPods();
  const light = load(1, 200);
  await deploy("{ min: 1, max: 2, target: { cpu: 70 } }");
  expect((await autoscalers())[0]?.spec?.metrics?.[0]?.resource?.target.averageUtilization).toBe(70);
  expect(pods).toEqual(expect.arrayContaining(await readyPods()));

  const idle = Date.now();
  await vi.waitFor(async () => expect(await readyPods()).toHaveLength(1), minutes(5));
  console.log(`one pod is left ${Math.round((Date.now() - idle) / 1000)} s later`);
  expect(Object.keys(await light.stop())).toEqual(["200"]);
});

test("the API comes back with the node's process, which a namespace's end waits for", async () => {
  home.kill(/node\/main\.ts/);
  const metrics = new Metrics(cluster);
  await vi.waitFor(async () => expect((await metrics.getPodMetrics(space)).items).toHaveLength(1), minutes(2));
});
