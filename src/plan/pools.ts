import type { NodeClassSpec, PoolSpec } from "../config/environment.ts";
import type { GpuPool } from "../domain/serving/nodePool.ts";

/** Local nodes' capacity where the pool does not say. */
const localCapacity = { cpu: "16", memory: "64Gi" };

/** A pool of a stack's config, with its defaults. */
export function gpuPool(name: string, pool: PoolSpec, nodeClass: NodeClassSpec): GpuPool {
  const { gpu, instanceTypes = [], zones = [], taints } = pool;
  const size: GpuPool["size"] = pool.limits ? { gpus: pool.limits.gpus } : { replicas: pool.replicas ?? 0 };
  return { name, gpu, size, instanceTypes, zones, taints, nodes: nodesOf(nodeClass, pool) };
}

function nodesOf(nodeClass: NodeClassSpec, { capacity = localCapacity }: PoolSpec): GpuPool["nodes"] {
  if (nodeClass === "local") return { kind: "local", capacity };
  return nodeClass === "kwok" ? { kind: "kwok" } : { ...nodeClass, kind: "ec2" };
}
