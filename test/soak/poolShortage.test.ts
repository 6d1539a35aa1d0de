import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { capacityOf } from "../../src/adapters/kubernetes/poolCapacity.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest, pathOf } from "../local/support/manifests.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

/** A pool that has no GPU left, by pods that are not the stack's, on a real API server with the real scheduler. */

let home: TestHome;
let cluster: KubeConfig;
const { signal } = new AbortController();

/** A stack of one pool with so many nodes of one GPU. */
const pool = (nodes: number): string => `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 20, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:pools:
    a10g: { gpu: { kind: a10g, perNode: 1 }, replicas: ${nodes}, capacity: { cpu: "8", memory: 32Gi } }
`;
/** A model on it. */
const model = `  menagerie:zoo:
    multiplier:
      truss: models/multiplier
      phase: done
      pool: a10g
      resources: { cpu: 500m, memory: 512Mi }
      env: { FACTOR: "2" }
`;

const tenant = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "tenant", namespace: "default" },
  spec: {
    nodeSelector: { "menagerie.dev/pool": "a10g" },
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" }],
    // It never runs, for there is no such image, and holds its GPU all the same.
    containers: [
      { name: "notebook", image: "registry.example.com/notebook", resources: { limits: { "nvidia.com/gpu": "1" } } },
    ],
  },
};

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
});

afterAll(async () => {
  await home.dispose();
  await rm(home.project, { recursive: true, force: true });
});

const stack = (content: string) => writeFile(join(home.project, "Pulumi.local.yaml"), content);

test("an up says which pool lacks what and which key helps, and the next one mends it", async () => {
  // The pool comes first, and its GPU is taken before a model asks for it.
  await stack(pool(1));
  const first = await home.menagerie(["up"]);
  expect(first.code, first.stdout + first.stderr).toBe(0);
  await applyManifest(cluster, tenant);
  const path = await pathOf(cluster, tenant);
  await vi.waitFor(
    async () => {
      const { spec } = await requestJson<{ spec: { nodeName?: string } }>(cluster, "GET", path);
      expect(spec.nodeName).toBe("a10g-0");
    },
    { timeout: 60_000, interval: 200 },
  );

  await stack(pool(1) + model);
  const full = await home.menagerie(["up"]);
  expect(full.code).toBe(1);
  expect((full.stdout + full.stderr).replaceAll(/\s+/g, " ")).toMatch(
    /model multiplier\S* is not ready after 20 s: no node takes its pod: pool a10g has no nvidia\.com\/gpu left; it asks for 1 GPU, and the pool has 1 node, never more: raise menagerie:pools\.a10g\.replicas, or free GPUs there \(0\/2 nodes are available: /,
  );

  await stack(pool(2) + model);
  const mended = await home.menagerie(["up"]);
  expect(mended.code, mended.stdout + mended.stderr).toBe(0);
  const { stdout } = await home.menagerie(["predict", "multiplier", "--data", '{"values": ["3.3"]}']);
  expect(JSON.parse(stdout)).toEqual({ results: [6.6] });
});

test("what Karpenter says of a pod and of a node that it could not get is read as it writes it", async () => {
  const nodeClassRef = { group: "karpenter.k8s.aws", kind: "EC2NodeClass", name: "p5" };
  const requirements = [{ key: "karpenter.sh/capacity-type", operator: "In", values: ["on-demand"] }];
  const limited = {
    apiVersion: "karpenter.sh/v1",
    kind: "NodePool",
    metadata: { name: "p5" },
    spec: { limits: { "nvidia.com/gpu": "8" }, template: { spec: { nodeClassRef, requirements } } },
  };
  const claim = {
    apiVersion: "karpenter.sh/v1",
    kind: "NodeClaim",
    metadata: { name: "p5-x7k2p", labels: { "karpenter.sh/nodepool": "p5" } },
    spec: { nodeClassRef, requirements },
  };
  await withStatus(limited, { resources: { "nvidia.com/gpu": "8" }, nodes: 1 });
  const condition = { lastTransitionTime: "2026-01-01T00:00:00Z", reason: "LaunchFailed", message: "no subnet" };
  await withStatus(claim, { conditions: [{ ...condition, type: "Launched", status: "Unknown" }] });
  const pod = { kind: "Pod", namespace: "default", name: "waiting" };
  await event("one", pod, "default-scheduler", "FailedScheduling", "0/3 nodes are available");
  await event("two", pod, "karpenter", "FailedScheduling", "Failed to schedule pod, all exceed limits");

  const waiting = [
    {
      metadata: { name: "waiting" },
      status: { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }] },
    },
  ];
  const look = capacityOf({ config: cluster, namespace: "default", pool: "p5" });
  expect(await look(waiting, signal)).toMatchObject({
    pod: "waiting",
    nodePool: { spec: { limits: { "nvidia.com/gpu": "8" } }, status: { resources: { "nvidia.com/gpu": "8" } } },
    nodeClaims: [{ metadata: { name: "p5-x7k2p" }, status: { conditions: [{ message: "no subnet" }] } }],
    said: "Failed to schedule pod, all exceed limits",
  });
  expect(await look([], signal)).toBeUndefined();

  const gone = { kind: "NodeClaim", name: "p5-aaaaa" };
  await event("three", gone, "karpenter", "InsufficientCapacityError", "NodeClaim p5-aaaaa event: none left", 5);
  await event("four", { ...gone, name: "p5-big-bbbbb" }, "karpenter", "InsufficientCapacityError", "of another", 9);
  const next = await capacityOf({ config: cluster, namespace: "default", pool: "p5" })(waiting, signal);
  expect(next?.said).toBe("NodeClaim p5-aaaaa event: none left");
  // A pool that does not exist, and a cluster without Karpenter, say nothing.
  const unknown = await capacityOf({ config: cluster, namespace: "default", pool: "cpu" })(waiting, signal);
  expect(unknown).toMatchObject({ nodePool: undefined, nodeClaims: [] });
});

async function withStatus(manifest: Manifest, status: object): Promise<void> {
  await applyManifest(cluster, manifest);
  await request(cluster, "PATCH", `${await pathOf(cluster, manifest)}/status`, {
    contentType: "application/merge-patch+json",
    body: { status },
  });
}

async function event(
  name: string,
  involvedObject: object,
  component: string,
  reason: string,
  message: string,
  second = 0,
): Promise<void> {
  const at = `2026-01-01T00:00:0${second}Z`;
  await request(cluster, "POST", "/api/v1/namespaces/default/events", {
    body: {
      metadata: { name, namespace: "default" },
      involvedObject,
      reason,
      message,
      type: "Warning",
      source: { component },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    },
  });
}
