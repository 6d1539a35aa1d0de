import type { GpuPool } from "../serving/nodePool.ts";
import { gpuCountLabel, gpuNameLabel, gpuResource } from "../serving/placement.ts";

/** One type of node, as Karpenter's kwok provider reads it from the file that INSTANCE_TYPES_FILE_PATH names. */
export interface KwokInstanceType {
  readonly name: string;
  readonly offerings: readonly {
    readonly Price: number;
    readonly Available: true;
    readonly Requirements: readonly {
      readonly key: string;
      readonly operator: "In";
      readonly values: readonly string[];
    }[];
  }[];
  /** As Kubernetes names it: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly operatingSystems: readonly ["linux"];
  /** Quantities by resource name. */
  readonly resources: Readonly<Record<string, string>>;
}

/** What every type offers besides its GPUs; nobody enforces it. */
interface NodeSize {
  readonly cpu: string;
  readonly memory: string;
  readonly architecture: string;
}

/** The zone of a pool that names none, and so takes any. */
const anyZone = "kwok-zone-a";

/**
 * Instance types that meet the requirements of a stack's pools: the EC2 types that they name, with their GPUs, in their zones. The
 * first one that a pool names is the cheapest. A type has one kind of GPU: that of the first pool that names it, as on EC2 another
 * pool that claims it with other GPUs would never get a node.
 */
export function kwokInstanceTypes(
  pools: readonly Pick<GpuPool, "gpu" | "instanceTypes" | "zones">[],
  { cpu, memory, architecture }: NodeSize,
): KwokInstanceType[] {
  const types = new Map<
    string,
    { readonly gpu: GpuPool["gpu"]; readonly price: number; readonly zones: Set<string> }
  >();
  for (const { gpu, instanceTypes, zones } of pools) {
    const names = instanceTypes.length > 0 ? instanceTypes : [`${gpu.kind}-${gpu.perNode}.kwok`];
    for (const [index, name] of names.entries()) {
      const type = types.get(name) ?? { gpu, price: index + 1, zones: new Set() };
      if (type.gpu.kind !== gpu.kind || type.gpu.perNode !== gpu.perNode) continue;
      for (const zone of zones.length > 0 ? zones : [anyZone]) type.zones.add(zone);
      types.set(name, type);
    }
  }
  return [...types].map(([name, { gpu, price, zones }]) => ({
    name,
    offerings: [...zones].map((zone) => ({ Price: price, Available: true, Requirements: offered(gpu, zone) })),
    architecture,
    operatingSystems: ["linux"],
    resources: { cpu, memory, "ephemeral-storage": "100Gi", pods: "110", [gpuResource]: String(gpu.perNode) },
  }));
}

/** The keys of the NodePools' requirements; a node gets them as labels. */
function offered({ kind, perNode }: GpuPool["gpu"], zone: string) {
  const has = (key: string, value: string) => ({ key, operator: "In" as const, values: [value] });
  return [
    has("karpenter.sh/capacity-type", "on-demand"),
    has("topology.kubernetes.io/zone", zone),
    has(gpuNameLabel, kind),
    has(gpuCountLabel, String(perNode)),
  ];
}
