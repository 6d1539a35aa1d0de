import { GpuNodePool } from "../../components/gpuNodePool.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { builtInPool } from "../config/pools.ts";
import { placementOn } from "../domain/serving/placement.ts";
import type { Placement } from "../domain/serving/servedModel.ts";
import { gpuPool } from "../plan/pools.ts";
import type { Cluster } from "./cluster.ts";

/** The node pools of an environment. */
export interface Pools {
  /** Where pods of a model of `pool` run, and the pool's own resource where there is one. */
  nodesOf(pool: string): { readonly placement: Placement; readonly resources: readonly GpuNodePool[] };
}

const ordinaryNodes: Placement = placementOn(builtInPool, []);

export function declarePools(spec: EnvironmentSpec, { provider }: Cluster): Pools {
  const pools = new Map<string, GpuNodePool>();
  for (const [name, pool] of Object.entries(spec.pools)) {
    pools.set(name, new GpuNodePool(name, gpuPool(name, pool, spec.nodeClass), { providers: [provider] }));
  }
  return {
    nodesOf(name) {
      const pool = pools.get(name);
      return { placement: pool?.placement ?? ordinaryNodes, resources: pool ? [pool] : [] };
    },
  };
}
