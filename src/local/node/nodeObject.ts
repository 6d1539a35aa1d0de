import type { V1Node, V1NodeCondition, V1NodeStatus, V1Taint } from "@kubernetes/client-node";

/** A node as it should be: what NodePool and LocalNodeClass declare. */
export interface PlannedNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly taints: readonly V1Taint[];
  /** Quantities by resource name; equal to what is allocatable. */
  readonly capacity: Readonly<Record<string, string>>;
}

/** Facts about the machine that all nodes share. */
export interface Machine {
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  /** As Kubernetes names it: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly kernel: string;
  readonly bootId: string;
  readonly machineId: string;
}

/** The Node object to create; its status is published apart from it. */
export function nodeObject(node: PlannedNode): V1Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: node.name, labels: { ...node.labels }, annotations: { ...node.annotations } },
    spec: { taints: [...node.taints] },
  };
}

/**
 * The metadata and taints that an existing node lacks, as a merge patch; undefined when it has them all. Taints and labels
 * that others put there (the lifecycle controller, `kubectl cordon`) stay.
 */
export function nodeCorrection(existing: V1Node, wanted: PlannedNode): object | undefined {
  const labels = missing(existing.metadata?.labels, wanted.labels);
  const annotations = missing(existing.metadata?.annotations, wanted.annotations);
  const present = existing.spec?.taints ?? [];
  const declared = (taint: V1Taint): V1Taint | undefined =>
    wanted.taints.find(({ key, effect }) => key === taint.key && effect === taint.effect);
  const foreign = present.filter(
    (taint) => !declared(taint) && /^node\.(cloudprovider\.)?kubernetes\.io\//.test(taint.key),
  );
  const taints = [...foreign, ...wanted.taints];
  const same = sameTaints(present, taints);
  if (Object.keys(labels).length === 0 && Object.keys(annotations).length === 0 && same) return undefined;
  return { metadata: { labels, annotations }, ...(same ? {} : { spec: { taints } }) };
}

function missing(
  present: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => present?.[key] !== value));
}

function sameTaints(a: readonly V1Taint[], b: readonly V1Taint[]): boolean {
  const text = (taints: readonly V1Taint[]): string =>
    JSON.stringify(taints.map(({ key, effect, value }) => [key, effect, value ?? ""]).sort());
  return text(a) === text(b);
}

/** The status that a node publishes. `now` is RFC 3339; a condition keeps its transition time from `previous`. */
export function nodeStatus(
  node: PlannedNode,
  machine: Machine,
  address: string,
  now: string,
  previous: readonly V1NodeCondition[],
): V1NodeStatus {
  const time = now as unknown as Date;
  const condition = (type: string, status: string, reason: string, message: string): V1NodeCondition => {
    const before = previous.find((each) => each.type === type);
    const kept = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime: kept ?? time };
  };
  return {
    capacity: { ...node.capacity },
    allocatable: { ...node.capacity },
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "containers are host processes"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "containers are host processes"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "containers are host processes"),
      condition("Ready", "True", "KubeletReady", "the local environment's node is working"),
    ],
    addresses: [
      { type: "InternalIP", address },
      { type: "Hostname", address: node.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: "menagerie://1",
      kernelVersion: machine.kernel,
      kubeProxyVersion: "",
      kubeletVersion: "v1.36.3",
      machineID: machine.machineId,
      operatingSystem: "linux",
      osImage: "host processes in namespaces",
      systemUUID: machine.machineId,
    },
  };
}
