import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeCorrection, nodeStatus } from "../../../../src/local/node/nodeObject.ts";
import { adoptedNodes, type LocalNodeClass, type NodePool, plannedNodes } from "../../../../src/local/node/nodePlan.ts";
import {
  allocatePodAddress,
  emptyAddressBook,
  nodeAddress,
  podOffsets,
  releaseNodeAddress,
} from "../../../../src/local/node/podAddresses.ts";

const machine = { cores: 2, memory: 1024, architecture: "amd64", kernel: "6", bootId: "b", machineId: "m" };
const classes = new Map<string, LocalNodeClass>([["t4", { spec: { capacity: { cpu: 4, "nvidia.com/gpu": "1" } } }]]);
const taint = { key: "nvidia.com/gpu", effect: "NoSchedule" };

function pool(name: string, spec: NodePool["spec"] = {}, kind = "LocalNodeClass"): NodePool {
  const nodeClassRef = { group: "local.menagerie.dev", kind, name: "t4" };
  return {
    metadata: { name },
    spec: { ...spec, template: { ...spec.template, spec: { nodeClassRef, taints: [taint] } } },
  };
}

describe("the nodes of an environment", () => {
  it("are the CPU node and each pool's replicas, one by default", () => {
    const nodes = plannedNodes(
      [pool("gpu", { replicas: 2 }), pool("one"), pool("none", { replicas: 0 })],
      classes,
      machine,
    );
    expect(nodes.map(({ name }) => name)).toEqual(["cpu-0", "gpu-0", "gpu-1", "one-0"]);
    expect(nodes[0]).toMatchObject({ capacity: { cpu: "16", memory: "1024", pods: "250" }, taints: [] });
    expect(nodes[1]).toMatchObject({
      capacity: { cpu: "4", memory: "1024", "nvidia.com/gpu": "1" },
      labels: { "karpenter.sh/nodepool": "gpu", "kubernetes.io/hostname": "gpu-0" },
      taints: [taint],
    });
  });

  it("leave out pools of other node classes and of classes that do not exist", () => {
    expect(plannedNodes([pool("aws", {}, "EC2NodeClass")], classes, machine)).toHaveLength(1);
    expect(plannedNodes([pool("gpu")], new Map(), machine)).toHaveLength(1);
  });

  it("leave those of Karpenter's own providers to Karpenter, and adopt what its kwok provider has made", () => {
    expect(plannedNodes([pool("t4", { replicas: 2 }, "KWOKNodeClass")], classes, machine)).toHaveLength(1);
    const allocatable = { cpu: "15900m", "nvidia.com/gpu": "1" };
    const node = (name: string, providerID?: string) => ({
      metadata: { name },
      status: { allocatable, capacity: { cpu: "1" } },
      ...(providerID && { spec: { providerID } }),
    });
    const others = [
      node("cpu-0"),
      node("ip-10-0-0-1", "aws:///eu-central-1a/i-0a1b"),
      { spec: { providerID: "kwok://x" } },
    ];
    expect(adoptedNodes([...others, node("kwok-t4-x7k2p", "kwok://kwok-t4-x7k2p")])).toEqual([
      { name: "kwok-t4-x7k2p", labels: {}, annotations: {}, taints: [], capacity: allocatable },
    ]);
  });

  it("cannot take the CPU node's name", () => {
    expect(plannedNodes([pool("cpu")], classes, machine)).toHaveLength(1);
  });

  it("are corrected without touching the taints and labels of others", () => {
    const [, wanted] = plannedNodes([pool("gpu")], classes, machine);
    if (!wanted) throw new Error("no node");
    const cordon = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
    const labels = { ...wanted.labels, mine: "x" };
    const good = { metadata: { labels }, spec: { taints: [cordon, taint] } };
    expect(nodeCorrection(good, wanted)).toBeUndefined();
    expect(nodeCorrection({ metadata: { labels: {} }, spec: { taints: [cordon] } }, wanted)).toEqual({
      metadata: { labels: wanted.labels, annotations: {} },
      spec: { taints: [cordon, taint] },
    });
  });

  it("keep the transition time of their conditions", () => {
    const [node] = plannedNodes([], classes, machine);
    if (!node) throw new Error("no node");
    const first = nodeStatus(node, machine, "10.88.0.2", "2026-01-01T00:00:00Z", []);
    const second = nodeStatus(node, machine, "10.88.0.2", "2026-01-01T00:01:00Z", first.conditions ?? []);
    const ready = second.conditions?.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({
      status: "True",
      lastHeartbeatTime: "2026-01-01T00:01:00Z",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    });
  });
});

describe("addresses", () => {
  it("of pods begin at 10.88.1.0 and are not given again at once", () => {
    const first = allocatePodAddress(emptyAddressBook, new Set());
    const second = allocatePodAddress(first.book, new Set());
    expect([first.address, second.address]).toEqual(["10.88.1.0", "10.88.1.1"]);
  });

  it("of pods wrap around at the end of the range and skip what is taken", () => {
    const atEnd = { ...emptyAddressBook, next: podOffsets.last };
    const last = allocatePodAddress(atEnd, new Set());
    expect(last.address).toBe("10.88.255.254");
    expect(allocatePodAddress(last.book, new Set(["10.88.1.0"])).address).toBe("10.88.1.1");
  });

  it("of pods are never given to two at a time", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer({ min: 0, max: 70_000 }), (steps, next) => {
        let book = { ...emptyAddressBook, next };
        const taken: string[] = [];
        for (const take of steps) {
          if (!take) {
            taken.shift();
            continue;
          }
          const given = allocatePodAddress(book, new Set(taken));
          expect(taken).not.toContain(given.address);
          taken.push(given.address);
          book = given.book;
        }
      }),
    );
  });

  it("of nodes stay with their name until it is released", () => {
    const range = { first: 2, last: 4 };
    const a = nodeAddress(emptyAddressBook, "a", range);
    const b = nodeAddress(a.book, "b", range);
    expect([a.address, b.address, nodeAddress(b.book, "a", range).address]).toEqual([
      "10.88.0.2",
      "10.88.0.3",
      "10.88.0.2",
    ]);
    expect(nodeAddress(releaseNodeAddress(b.book, "a"), "c", range).address).toBe("10.88.0.2");
    const full = nodeAddress(b.book, "c", range);
    expect(() => nodeAddress(full.book, "d", range)).toThrow('node "d"');
  });
});
