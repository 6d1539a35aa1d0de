import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig, V1Node, V1Pod } from "@kubernetes/client-node";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { readKarpenterGates } from "../../src/adapters/kubernetes/karpenterGates.ts";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { capacityOf } from "../../src/adapters/kubernetes/poolCapacity.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { readServedApis } from "../../src/adapters/kubernetes/servedApis.ts";
import type { EnvironmentSpec } from "../../src/config/environment.ts";
import { parseEnvironment } from "../../src/config/parse.ts";
import { stackConfig } from "../../src/config/stackConfig.ts";
import { gpuShortages } from "../../src/domain/capacity/gpuDemand.ts";
import { poolNodes } from "../../src/domain/capacity/poolNodes.ts";
import { type GpuPool, taintsOf } from "../../src/domain/serving/nodePool.ts";
import type { ObservedPod } from "../../src/domain/serving/observed.ts";
import { placementOn } from "../../src/domain/serving/placement.ts";
import { hindrance } from "../../src/domain/serving/pods.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { checkCluster } from "../../src/plan/cluster.ts";
import { gpuPool } from "../../src/plan/pools.ts";
import { applyManifest, type Manifest } from "../local/support/manifests.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { building, ensureKarpenter } from "../support/testTools.ts";
import { KarpenterCluster } from "./karpenterCluster.ts";

/**
 * The pools of the committed stacks on Karpenter's own controllers: its kwok provider makes the Node objects, and the embedded
 * environment's nodes run what lands there. What our previews and `status` say of a pool is held to what Karpenter does.
 */

const { signal } = new AbortController();
const soon = { timeout: 120_000, interval: 500 };

let project: string;
let home: TestHome;
let cluster: KubeConfig;
let karpenter: KarpenterCluster;
let image: string;
let staging: EnvironmentSpec;
let prod: EnvironmentSpec;
/** Of staging: at most two nodes of one GPU, as pods ask for them. */
let t4: GpuPool;
/** Of prod: three reserved nodes. */
let a10g: GpuPool;

/** Pools beside the committed ones, for what these do not have: several GPUs on a node, and a limit between two nodes. */
const many = (name: string, perNode: number, gpus: number): GpuPool => ({
  name,
  size: { gpus },
  instanceTypes: [],
  zones: [],
  taints: [],
  nodes: { kind: "kwok" },
  gpu: { kind: "l4", perNode },
});
const pairs = many("pairs", 2, 3);
const quads = many("quads", 4, 8);

async function committed(stack: string): Promise<EnvironmentSpec> {
  const text = await readFile(join(project, `Pulumi.${stack}.yaml`), "utf8");
  const { config } = load(text) as { config: Record<string, string> };
  return parseEnvironment({ ...stackConfig(config), nodeClass: "kwok" });
}

function poolOf(spec: EnvironmentSpec, name: string): GpuPool {
  const pool = spec.pools[name];
  if (!pool) throw new Error(`the stack has no pool ${name}`);
  return gpuPool(name, pool, spec.nodeClass);
}

beforeAll(ensureKarpenter, building);

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
  const { code, stdout, stderr } = await home.menagerie(["up", "--no-program"]);
  expect(code, stdout + stderr).toBe(0);
  const layout = environmentLayout("local", home.path);
  cluster = kubeConfigOf(layout.kubeconfig);
  [staging, prod] = [await committed("staging"), await committed("prod")];
  [t4, a10g] = [poolOf(staging, "t4"), poolOf(prod, "a10g")];
  const site = await putImage(layout.images, {
    url: "test.local/answers",
    layers: [],
    config: { entrypoint: ["/usr/bin/python3", "-m", "http.server", "8080"], cmd: [], env: {}, workingDir: "/site" },
    populate: async (root) => {
      await mkdir(join(root, "site"));
      await writeFile(join(root, "site", "index.html"), "it answers");
    },
  });
  image = `${site.url}@${site.digest}`;
  karpenter = await KarpenterCluster.create(cluster, layout, [t4, a10g, pairs, quads], "StaticCapacity=false");
  await karpenter.declare(a10g);
  await karpenter.declare(t4);
});

afterAll(async () => {
  await home?.dispose();
  if (project) await rm(project, { recursive: true, force: true });
});

/** Pods that ask for GPUs of a pool, as a model's do. */
async function ask(name: string, pool: GpuPool, replicas: number, gpus = 1): Promise<void> {
  const { tolerations } = placementOn(pool.name, taintsOf(pool));
  const resources = { requests: { cpu: "50m", memory: "64Mi" }, limits: { "nvidia.com/gpu": String(gpus) } };
  const container = {
    name: "server",
    image,
    ports: [{ containerPort: 8080 }],
    resources,
    readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
  };
  await applyManifest(cluster, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [container],
          tolerations,
          terminationGracePeriodSeconds: 1,
          nodeSelector: { "menagerie.dev/pool": pool.name },
        },
      },
    },
  } as Manifest);
}

async function pods(name: string): Promise<V1Pod[]> {
  const query = { labelSelector: `app=${name}` };
  const { items } = await requestJson<{ items: V1Pod[] }>(cluster, "GET", "/api/v1/namespaces/default/pods", { query });
  return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
}

const isReady = ({ status }: V1Pod) =>
  status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");

async function readyPods(name: string): Promise<V1Pod[]> {
  return (await pods(name)).filter(isReady);
}

/** What a pod's server says, through the API server. */
async function answer(pod: V1Pod | undefined): Promise<string> {
  const path = `/api/v1/namespaces/default/pods/${pod?.metadata?.name}:8080/proxy/`;
  return await (await request(cluster, "GET", path)).text();
}

/** What `up` and `status` say of pods that wait. */
async function why(name: string, pool: GpuPool): Promise<string | undefined> {
  const waiting = (await pods(name)) as ObservedPod[];
  const capacity = await capacityOf({ config: cluster, namespace: "default", pool: pool.name })(waiting, signal);
  return hindrance(waiting, pool.name, capacity);
}

const labelOf = (node: V1Node | undefined, key: string) => node?.metadata?.labels?.[key];

describe("a reserved pool", () => {
  test("gets no node while Karpenter's gate is off: a preview warns, and `status` says so", async () => {
    const reader = {
      servedApis: () => readServedApis(cluster),
      karpenterGates: () => readKarpenterGates(cluster),
    };
    const { pools, nodeClass, ...rest } = prod;
    const onlyPools = { ...rest, pools, nodeClass, zoo: {}, development: {}, shadows: {} };
    expect(
      await checkCluster({ ...onlyPools, mesh: undefined, database: undefined }, { preview: true, reader }),
    ).toEqual([
      expect.stringMatching(
        /^menagerie:pools\.a10g\.replicas: Karpenter makes no nodes for it, because .* StaticCapacity is off;/,
      ),
    ]);
    await ask("reserved", a10g, 1);
    await vi.waitFor(async () => {
      expect(await why("reserved", a10g)).toMatch(
        /^no node takes its pod: pool a10g has no node for it; it asks for 1 GPU, and the pool has none of its 3 nodes: Karpenter makes them only with its feature gate StaticCapacity/,
      );
    }, soon);
  });

  test("has its nodes once the gate is on, and what waited runs on one and answers", async () => {
    await karpenter.switchGates("StaticCapacity=true");
    await vi.waitFor(async () => expect(await karpenter.nodes("a10g")).toHaveLength(3), soon);
    const nodes = await karpenter.nodes("a10g");
    for (const node of nodes) {
      expect(node.spec?.providerID).toMatch(/^kwok:\/\//);
      expect(["eu-central-1a", "eu-central-1b"]).toContain(labelOf(node, "topology.kubernetes.io/zone"));
      expect(labelOf(node, "node.kubernetes.io/instance-type")).toBe("g5.2xlarge");
      expect(labelOf(node, "karpenter.k8s.aws/instance-gpu-name")).toBe("a10g");
      expect(node.spec?.taints).toEqual([
        { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" },
        { key: "example.com/dedicated", value: "zoo", effect: "NoSchedule" },
      ]);
      expect(node.status?.allocatable?.["nvidia.com/gpu"]).toBe("1");
    }
    // The environment makes none of its own beside them.
    expect(await karpenter.nodeNames()).toEqual(["cpu-0", ...nodes.map(({ metadata }) => metadata?.name ?? "")].sort());
    await vi.waitFor(async () => expect(await readyPods("reserved")).toHaveLength(1), soon);
    const [pod] = await readyPods("reserved");
    expect(nodes.map(({ metadata }) => metadata?.name)).toContain(pod?.spec?.nodeName);
    expect(await answer(pod)).toBe("it answers");
    // The kubelet's own server of an adopted node.
    const log = await request(cluster, "GET", `/api/v1/namespaces/default/pods/${pod?.metadata?.name}/log`);
    expect(await log.text()).toMatch(/GET \/ HTTP/);
  });

  test("is full at its number, and says which key helps", async () => {
    await ask("reserved", a10g, 4);
    await vi.waitFor(async () => expect(await readyPods("reserved")).toHaveLength(3), soon);
    await vi.waitFor(async () => {
      expect(await why("reserved", a10g)).toMatch(
        /^no node takes its pod: pool a10g has no nvidia\.com\/gpu left; it asks for 1 GPU, and the pool has 3 nodes, never more: raise menagerie:pools\.a10g\.replicas, or free GPUs there/,
      );
    }, soon);
    expect(shortage(a10g, [1, 1, 1, 1])).toMatch(
      /^menagerie:pools\.a10g\.replicas: pool a10g needs 4 GPUs at once .* and has 3;/,
    );
    await ask("reserved", a10g, 1);
    await vi.waitFor(async () => expect(await pods("reserved")).toHaveLength(1), soon);
  });

  test("gets a node for each that goes, and gives up empty ones when its number falls", async () => {
    const before = (await karpenter.claims("a10g")).map(({ metadata }) => metadata.name).sort();
    await karpenter.deleteClaim(before[0] ?? "");
    await vi.waitFor(async () => {
      const nodes = await karpenter.nodes("a10g");
      expect(nodes).toHaveLength(3);
      expect((await karpenter.claims("a10g")).map(({ metadata }) => metadata.name)).not.toContain(before[0]);
    }, soon);
    await vi.waitFor(async () => expect(await readyPods("reserved")).toHaveLength(1), soon);
    await karpenter.declare({ ...a10g, size: { replicas: 2 } });
    await vi.waitFor(async () => expect(await karpenter.nodes("a10g")).toHaveLength(2), soon);
    const [pod] = await readyPods("reserved");
    expect(await answer(pod)).toBe("it answers");
  });
});

/** What a preview says of pods of so many GPUs each on a pool, or undefined. */
function shortage(pool: GpuPool, gpus: readonly number[]): string | undefined {
  const { size, gpu } = pool;
  const key = `menagerie:pools.${pool.name}.${"replicas" in size ? "replicas" : "limits.gpus"}`;
  const nodes = poolNodes("replicas" in size ? { ...size, gpu } : { limits: { gpus: size.gpus }, gpu });
  const consumers = gpus.map((each, index) => ({ name: `model ${index}`, pool: pool.name, gpus: each, pods: 1 }));
  return gpuShortages(consumers, new Map([[pool.name, { ...nodes, key }]]))[0]?.message;
}

describe("a pool with a limit", () => {
  test("has a node for a pod that asks for a GPU: the cheapest type, adopted here, and the pod answers", async () => {
    expect(await karpenter.claims("t4")).toEqual([]);
    const began = Date.now();
    await ask("wanted", t4, 1);
    await vi.waitFor(async () => expect(await readyPods("wanted")).toHaveLength(1), soon);
    console.log(`from a pod to its answer on a node of Karpenter: ${((Date.now() - began) / 1000).toFixed(1)} s`);
    const [pod] = await readyPods("wanted");
    expect(await answer(pod)).toBe("it answers");
    const [node] = await karpenter.nodes("t4");
    expect(node?.metadata?.name).toBe(pod?.spec?.nodeName);
    expect(labelOf(node, "node.kubernetes.io/instance-type")).toBe("g4dn.xlarge");
  });

  test("stops at it: the next pod waits, and is told the limit, the key and what Karpenter says", async () => {
    await ask("wanted", t4, 3);
    await vi.waitFor(async () => {
      expect(await readyPods("wanted")).toHaveLength(2);
      expect(await why("wanted", t4)).toMatch(
        /^no node takes its pod: pool t4 has no nvidia\.com\/gpu left; it asks for 1 GPU, and the pool's nodes have 2 GPUs of at most 2: raise menagerie:pools\.t4\.limits\.gpus, or free GPUs there; Karpenter says: Failed to schedule pod, .*exceed limits for nodepool/,
      );
    }, soon);
    expect(shortage(t4, [1, 1, 1])).toMatch(
      /^menagerie:pools\.t4\.limits\.gpus: pool t4 needs 3 GPUs at once .* and has 2;/,
    );
    // Nothing comes later either.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    expect(await karpenter.claims("t4")).toHaveLength(2);
  });

  test("makes whole nodes within it, and previews count no others", async () => {
    await karpenter.declare(pairs);
    await ask("pairs", pairs, 3);
    await vi.waitFor(async () => {
      expect(await readyPods("pairs")).toHaveLength(2);
      expect(await why("pairs", pairs)).toMatch(
        /the pool's nodes have 2 GPUs of at most 3, too few for one more node of 2: raise menagerie:pools\.pairs\.limits\.gpus, or free GPUs there; Karpenter says: /,
      );
    }, soon);
    expect(shortage(pairs, [1, 1, 1])).toMatch(/ needs 3 GPUs at once .* and has 2 \(whole nodes of 2 within 3\);/);
    expect(shortage(pairs, [1, 1])).toBeUndefined();
  });

  test("has no node for a pod whose GPUs are free on several nodes, and previews say so", async () => {
    await karpenter.declare(quads);
    await ask("large", quads, 2, 3);
    await vi.waitFor(async () => expect(await readyPods("large")).toHaveLength(2), soon);
    await ask("middle", quads, 1, 2);
    await vi.waitFor(async () => {
      expect(await why("middle", quads)).toMatch(
        /it asks for 2 GPUs, and the pool's nodes have 8 GPUs of at most 8: raise/,
      );
    }, soon);
    expect(shortage(quads, [3, 3, 2])).toMatch(/ needs 3 nodes of 4 GPUs at once .* and has 2;/);
    expect(shortage(quads, [3, 3])).toBeUndefined();
    expect(await readyPods("middle")).toEqual([]);
  });
});

describe("a pool that changes", () => {
  const taint = { key: "example.com/edited", value: "yes", effect: "PreferNoSchedule" as const };

  test("replaces its nodes one by one by those of what it is now, used ones at its limit too, which it passes for that time", async () => {
    await ask("wanted", t4, 2);
    await vi.waitFor(async () => expect(await readyPods("wanted")).toHaveLength(2), soon);
    const before = (await karpenter.claims("t4")).map(({ metadata }) => metadata.name);
    expect(before).toHaveLength(2);
    await karpenter.declare({ ...t4, taints: [taint] });
    let most = 0;
    await vi.waitFor(
      async () => {
        most = Math.max(most, (await karpenter.nodeNames()).filter((name) => name.startsWith("kwok-t4-")).length);
        const nodes = await karpenter.nodes("t4");
        expect(nodes).toHaveLength(2);
        for (const { metadata } of await karpenter.claims("t4")) expect(before).not.toContain(metadata.name);
        for (const node of nodes) expect(node.spec?.taints).toContainEqual(taint);
        const ready = await readyPods("wanted");
        expect(ready.map(({ spec }) => spec?.nodeName).sort()).toEqual(
          nodes.map(({ metadata }) => metadata?.name).sort(),
        );
        for (const pod of ready) expect(await answer(pod)).toBe("it answers");
      },
      { ...soon, timeout: 240_000 },
    );
    expect(most).toBe(3);
  });

  test("gives up the node that is empty, and the other goes on", async () => {
    await ask("wanted", t4, 1);
    await vi.waitFor(async () => expect(await karpenter.nodes("t4")).toHaveLength(1), soon);
    const [node] = await karpenter.nodes("t4");
    const [pod, ...others] = await readyPods("wanted");
    expect(others).toEqual([]);
    expect(pod?.spec?.nodeName).toBe(node?.metadata?.name);
    expect(await answer(pod)).toBe("it answers");
  });

  test("gives up all nodes when nothing asks for one", async () => {
    await Promise.all([ask("pairs", pairs, 0), ask("large", quads, 0, 3), ask("middle", quads, 0, 2)]);
    await vi.waitFor(async () => {
      expect(await karpenter.nodes("pairs")).toEqual([]);
      expect(await karpenter.nodes("quads")).toEqual([]);
    }, soon);
  });

  test("keeps its nodes and their pods while the environment is down", async () => {
    const before = await karpenter.nodeNames();
    expect((await home.menagerie(["down"])).code).toBe(0);
    const { code, stdout, stderr } = await home.menagerie(["up", "--no-program"]);
    expect(code, stdout + stderr).toBe(0);
    await vi.waitFor(async () => {
      for (const name of ["wanted", "reserved"]) expect(await answer((await readyPods(name))[0])).toBe("it answers");
    }, soon);
    expect(await karpenter.nodeNames()).toEqual(before);
  });

  test("leaves nothing when it is removed", async () => {
    await Promise.all(["t4", "a10g", "pairs", "quads"].map((pool) => karpenter.remove(pool).catch(() => {})));
    await vi.waitFor(async () => {
      expect(await karpenter.nodeNames()).toEqual(["cpu-0"]);
      expect(await karpenter.leases()).toEqual(["cpu-0"]);
      const folders = await readdir(environmentLayout("local", home.path).nodes, { withFileTypes: true });
      expect(folders.filter((entry) => entry.isDirectory()).map(({ name }) => name)).toEqual(["cpu-0"]);
    }, soon);
  });
});
