import { gpuCountLabel, gpuNameLabel, gpuTaint, type Taint } from "./placement.ts";
import { labels } from "./servedModel.ts";

/** EC2 instances, by Karpenter's AWS provider. */
export interface Ec2Nodes {
  readonly kind: "ec2";
  /** Name of the nodes' IAM role. */
  readonly role: string;
  /** Machine image, `family@version`. */
  readonly amiAlias: string;
  /** Tags of the subnets and security groups. */
  readonly subnetSelector: Readonly<Record<string, string>>;
  readonly securityGroupSelector: Readonly<Record<string, string>>;
}

/** Node objects of Karpenter's kwok provider: what EC2 would be asked for, without EC2. */
export interface KwokNodes {
  readonly kind: "kwok";
}

/** Nodes of the embedded environment, each offering this much besides its GPUs. */
export interface LocalNodes {
  readonly kind: "local";
  readonly capacity: { readonly cpu: string; readonly memory: string };
}

/** A pool of nodes with GPUs. */
export interface GpuPool {
  /** Name of the pool, its NodePool and its node class. */
  readonly name: string;
  readonly gpu: { readonly kind: string; readonly perNode: number };
  /** A fixed number of nodes, or a bound on the GPUs of nodes that come and go with demand. */
  readonly size: { readonly replicas: number } | { readonly gpus: number };
  readonly instanceTypes: readonly string[];
  readonly zones: readonly string[];
  /** Beside {@link gpuTaint}. */
  readonly taints: readonly Taint[];
  readonly nodes: Ec2Nodes | KwokNodes | LocalNodes;
}

/** Pods of one local node; Kubernetes' own default for a kubelet. */
const podsPerLocalNode = "110";

/** All taints of the pool's nodes. */
export function taintsOf(pool: Pick<GpuPool, "taints">): Taint[] {
  return [gpuTaint, ...pool.taints];
}

/**
 * The node class that the pool's NodePool names: EC2NodeClass on AWS, LocalNodeClass in the embedded environment, KWOKNodeClass where
 * both are rehearsed.
 */
export function nodeClassManifest({ name, gpu, nodes }: GpuPool) {
  const metadata = { name };
  if (nodes.kind === "kwok") {
    return {
      apiVersion: "karpenter.kwok.sh/v1alpha1" as const,
      kind: "KWOKNodeClass" as const,
      metadata,
      spec: {},
    };
  }
  if (nodes.kind === "local") {
    return {
      apiVersion: "local.menagerie.dev/v1alpha1" as const,
      kind: "LocalNodeClass" as const,
      metadata,
      spec: { capacity: { ...nodes.capacity, pods: podsPerLocalNode, "nvidia.com/gpu": String(gpu.perNode) } },
    };
  }
  return {
    apiVersion: "karpenter.k8s.aws/v1" as const,
    kind: "EC2NodeClass" as const,
    metadata,
    spec: {
      role: nodes.role,
      amiSelectorTerms: [{ alias: nodes.amiAlias }],
      subnetSelectorTerms: [{ tags: { ...nodes.subnetSelector } }],
      securityGroupSelectorTerms: [{ tags: { ...nodes.securityGroupSelector } }],
    },
  };
}

const nodeClasses = {
  local: { group: "local.menagerie.dev", kind: "LocalNodeClass" },
  ec2: { group: "karpenter.k8s.aws", kind: "EC2NodeClass" },
  kwok: { group: "karpenter.kwok.sh", kind: "KWOKNodeClass" },
} as const satisfies Record<GpuPool["nodes"]["kind"], { readonly group: string; readonly kind: string }>;

/** The Karpenter NodePool (karpenter.sh/v1) of a pool. */
export function nodePoolManifest(pool: GpuPool) {
  const { name, size, nodes } = pool;
  const { group, kind } = nodeClasses[nodes.kind];
  return {
    apiVersion: "karpenter.sh/v1" as const,
    kind: "NodePool" as const,
    metadata: { name },
    spec: {
      ...("replicas" in size
        ? { replicas: size.replicas }
        : {
            limits: { "nvidia.com/gpu": String(size.gpus) },
            // Moving a pod off a half-empty node would interrupt its predictions; empty nodes cost only money.
            disruption: { consolidationPolicy: "WhenEmpty" as const, consolidateAfter: "10m" },
          }),
      template: {
        metadata: { labels: { [labels.pool]: name } },
        spec: {
          nodeClassRef: { group, kind, name },
          requirements: requirementsOf(pool),
          taints: taintsOf(pool).map(({ key, value, effect }) => ({ key, effect, ...(value === "" ? {} : { value }) })),
        },
      },
    },
  };
}

/** Well-known node labels: https://karpenter.sh/docs/concepts/scheduling/ */
function requirementsOf({ gpu, instanceTypes, zones, nodes }: GpuPool) {
  if (nodes.kind === "local") return [];
  const isOneOf = (key: string, values: readonly string[]) => ({ key, operator: "In" as const, values: [...values] });
  return [
    isOneOf("karpenter.sh/capacity-type", ["on-demand"]),
    isOneOf(gpuNameLabel, [gpu.kind]),
    isOneOf(gpuCountLabel, [String(gpu.perNode)]),
    ...(instanceTypes.length > 0 ? [isOneOf("node.kubernetes.io/instance-type", instanceTypes)] : []),
    ...(zones.length > 0 ? [isOneOf("topology.kubernetes.io/zone", zones)] : []),
  ];
}
