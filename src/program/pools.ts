import { GpuNodePool } from "../../components/gpuNodePool.ts";
import type { EnvironmentSpec, NodeClassSpec, PoolSpec } from "../config/environment.ts";
import { builtInPool } from "../config/pools.ts";
import type { GpuPool } from "../domain/serving/nodePool.ts";
import { placementOn } from "../domain/serving/placement.ts";
import type { Placement } from "../domain/serving/servedModel.ts";
import type { Cluster } from "./cluster.ts";

/** The node pools of an environment. */
export interface Pools {
  /** Where pods of a model of `pool` run, and the pool's own resource where there is one. */
  nodesOf(pool: string): { readonly placement: Placement; readonly resources: readonly GpuNodePool[] };
}

/** Local nodes' capacity where the pool does not say. */
const localCapacity = { cpu: "16", memory: "64Gi" };

const ordinaryNodes: Placement = placementOn(builtInPool, []);

export function declarePools(spec: EnvironmentSpec, { provider }: Cluster): Pools {
  const pools = new Map<string, GpuNodePool>();
  for (const [name, pool] of Object.entries(spec.pools)) {
    pools.set(name, new GpuNodePool(name, poolArgs(pool, spec.nodeClass), { providers: [provider] }));
  }
  return {
    nodesOf(name) {
      const pool = pools.get(name);
      return { placement: pool?.placement ?? ordinaryNodes, resources: pool ? [pool] : [] };
    },
  };
}

function poolArgs(pool: PoolSpec, nodeClass: NodeClassSpec) {
  const { gpu, instanceTypes, zones, taints } = pool;
  const size: GpuPool["size"] = pool.limits ? { gpus: pool.limits.gpus } : { replicas: pool.replicas ?? 0 };
  const nodes: GpuPool["nodes"] =
    nodeClass === "local" ? { kind: "local", capacity: pool.capacity ?? localCapacity } : { ...nodeClass, kind: "ec2" };
  return { gpu, size, instanceTypes, zones, taints, nodes };
}
