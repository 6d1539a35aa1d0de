import type { KubernetesObject, V1Node, V1Taint } from "@kubernetes/client-node";
import type { Machine, PlannedNode } from "./nodeObject.ts";

/** The parts of a `karpenter.sh/v1` NodePool that matter here. */
export interface NodePool extends KubernetesObject {
  readonly spec?: {
    /** Static capacity: that many nodes, always. */
    readonly replicas?: number;
    readonly template?: {
      readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec?: {
        readonly nodeClassRef?: { readonly group?: string; readonly kind?: string; readonly name?: string };
        readonly taints?: readonly V1Taint[];
      };
    };
  };
}

/** `local.menagerie.dev/v1alpha1` LocalNodeClass. */
export interface LocalNodeClass extends KubernetesObject {
  readonly spec?: { readonly capacity?: Readonly<Record<string, string | number>> };
}

/** Pods that one node takes at most when its class does not say. */
const defaultPods = "110";

/**
 * The CPU node that is always there. Its cpu is eight times the machine's: containers are host processes, nothing
 * enforces their requests, and manifests written for a real cluster should fit.
 */
export function cpuNode(machine: Machine): PlannedNode {
  return {
    name: "cpu-0",
    labels: { ...systemLabels("cpu-0", machine), "menagerie.dev/pool": "cpu" },
    annotations: {},
    taints: [],
    capacity: { cpu: String(8 * machine.cores), memory: String(machine.memory), pods: "250" },
  };
}

/**
 * All nodes that pools and classes declare, the CPU node first. A pool of another node class, or whose class does not
 * exist, gives none; `replicas` default 1.
 */
export function plannedNodes(
  pools: Iterable<NodePool>,
  classes: ReadonlyMap<string, LocalNodeClass>,
  machine: Machine,
): PlannedNode[] {
  const nodes = new Map([["cpu-0", cpuNode(machine)]]);
  for (const pool of pools) {
    const name = pool.metadata?.name ?? "";
    const ref = pool.spec?.template?.spec?.nodeClassRef;
    if (ref?.group !== "local.menagerie.dev" || ref.kind !== "LocalNodeClass") continue;
    const capacity = classes.get(ref.name ?? "")?.spec?.capacity;
    if (!capacity || pool.metadata?.deletionTimestamp) continue;
    const quantities = Object.fromEntries(Object.entries(capacity).map(([key, value]) => [key, String(value)]));
    for (let index = 0; index < (pool.spec?.replicas ?? 1); index += 1) {
      const node = `${name}-${index}`;
      // A pool named "cpu" must not take the node that everything else runs on.
      if (nodes.has(node)) continue;
      nodes.set(node, {
        name: node,
        labels: {
          ...pool.spec?.template?.metadata?.labels,
          ...systemLabels(node, machine),
          "karpenter.sh/nodepool": name,
        },
        annotations: { ...pool.spec?.template?.metadata?.annotations },
        taints: pool.spec?.template?.spec?.taints ?? [],
        capacity: {
          cpu: String(8 * machine.cores),
          memory: String(machine.memory),
          pods: defaultPods,
          ...quantities,
        },
      });
    }
  }
  return [...nodes.values()];
}

/** How the ids begin of what Karpenter's kwok provider makes. */
const kwokProvider = "kwok://";

/**
 * Nodes that Karpenter's kwok provider has made, with what they offer by its instance types: it makes the objects, and leaves the
 * kubelet's part to others. Their labels and taints stay Karpenter's.
 */
export function adoptedNodes(nodes: Iterable<V1Node>): PlannedNode[] {
  return [...nodes].flatMap(({ metadata, spec, status }) =>
    metadata?.name && spec?.providerID?.startsWith(kwokProvider)
      ? [{ name: metadata.name, labels: {}, annotations: {}, taints: [], capacity: { ...status?.allocatable } }]
      : [],
  );
}

function systemLabels(node: string, machine: Machine): Record<string, string> {
  return {
    "kubernetes.io/hostname": node,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": machine.architecture,
  };
}
