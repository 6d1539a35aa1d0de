import { describe, expect, it } from "vitest";
import { describePools, type ObservedPools, poolUses } from "../../../../src/domain/capacity/poolUse.ts";
import type { ObservedPod } from "../../../../src/domain/serving/observed.ts";

/** A pod that asks for GPUs of a pool; without a node it waits. */
function pod(service: string, pool: string, gpus: number, more: { node?: string; phase?: string } = {}): ObservedPod {
  const { node, phase = node === undefined ? "Pending" : "Running" } = more;
  const unplaced = { type: "PodScheduled", status: "False", message: "0/2 nodes are available." } as const;
  return {
    metadata: {
      name: `${service}-0`,
      labels: {
        "serving.kserve.io/inferenceservice": service,
        "menagerie.dev/model": service.replace(/-v\d+$/, ""),
        "menagerie.dev/kind": "zoo",
      },
    },
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      nodeSelector: { "menagerie.dev/pool": pool },
      containers: [{ resources: { limits: { "nvidia.com/gpu": String(gpus) } } }, {}],
    },
    status: { phase, conditions: node === undefined && phase === "Pending" ? [unplaced] : [] },
  };
}

const node = (pool: string, gpus: number) => ({
  metadata: { labels: { "menagerie.dev/pool": pool } },
  status: { allocatable: { "nvidia.com/gpu": String(gpus) } },
});
const ofEc2 = { key: "karpenter.k8s.aws/instance-gpu-count", values: ["2"] };
const observed: ObservedPools = {
  nodePools: [
    { metadata: { name: "t4" }, spec: { replicas: 1 } },
    { metadata: { name: "a10g" }, spec: { limits: { "nvidia.com/gpu": "4" } } },
    { metadata: { name: "fixed" }, spec: { replicas: 3, template: { spec: { requirements: [ofEc2] } } } },
  ],
  nodes: [node("t4", 1), node("a10g", 2), { metadata: { labels: {} }, status: { allocatable: { cpu: "8" } } }],
  pods: [
    pod("iris-v1", "a10g", 1, { node: "a10g-0" }),
    pod("iris-v1", "a10g", 2),
    pod("wine-v2", "t4", 1, { node: "t4-0" }),
    pod("gone-v1", "t4", 1, { node: "t4-0", phase: "Succeeded" }),
    { metadata: { name: "plain" }, spec: { containers: [{}] } },
  ],
};

describe("the GPUs of pools", () => {
  it("are those of the nodes that are there, with who uses them and who waits", () => {
    const [a10g, fixed, t4] = poolUses(observed);
    expect(a10g).toMatchObject({ pool: "a10g", most: 4, nodes: 1, gpus: 2, used: 1, waiting: 2 });
    expect(a10g?.users).toEqual([
      {
        service: "iris-v1",
        model: "iris",
        kind: "zoo",
        pods: 2,
        used: 1,
        waiting: 2,
        because: "0/2 nodes are available",
      },
    ]);
    expect(fixed).toMatchObject({ pool: "fixed", most: 6, nodes: 0, gpus: 0, used: 0, waiting: 0, users: [] });
    // A local pool's requirements do not say how many GPUs a node has.
    expect(t4).toMatchObject({ pool: "t4", most: 1, nodes: 1, gpus: 1, used: 1, waiting: 0 });
  });

  it("are shown of pods without a pool too, and of nodes without a NodePool", () => {
    const [bare] = observed.pods;
    const unknown = { ...bare, spec: { ...bare?.spec, nodeSelector: {} } };
    const uses = poolUses({ nodePools: [], nodes: [node("hand-made", 2)], pods: [unknown] });
    expect(uses.map(({ pool, most, gpus, used }) => [pool, most, gpus, used])).toEqual([
      ["hand-made", null, 2, 0],
      [null, null, 0, 1],
    ]);
    expect(poolUses({ nodePools: [], nodes: [], pods: [] })).toEqual([]);
  });

  it("are printed a pool a line, with each user below", () => {
    expect(describePools(poolUses(observed))).toEqual([
      "a10g: 1 of 2 GPUs used, 2 waiting; at most 4",
      "  iris-v1: 1 used, 2 waiting (0/2 nodes are available)",
      "fixed: 0 of 0 GPUs used; at most 6",
      "t4: 1 of 1 GPUs used",
      "  wine-v2: 1 used",
    ]);
  });
});
