import { type Refusal, refusal } from "../refusals/refusal.ts";
import { leastNodes, type PoolNodes } from "./poolNodes.ts";

/** Something that takes GPUs of a pool for as long as it is declared. */
export interface GpuConsumer {
  /** For sentences, such as `multiplier version 2`. */
  readonly name: string;
  readonly pool: string;
  /** Of one pod. */
  readonly gpus: number;
  /** Pods that run at the same time at the most demanding moment of the `up`. */
  readonly pods: number;
}

/** A pool's nodes at most, and the key that says so. */
export interface GpuSupply extends PoolNodes {
  /** Such as `menagerie:pools.t4.replicas`. */
  readonly key: string;
}

/**
 * Pods at the most demanding moment of an `up`: those that always run, at least one of what has to answer for the first
 * time, and in Knative mode those of the old revision until the new one answers. In Standard mode pods with GPUs are
 * handed over instead (`Recreate`).
 */
export function podsAtPeak(model: {
  readonly replicas: { readonly min: number };
  readonly mode: "Standard" | "Knative";
  /** Whether it has to answer for the first time. */
  readonly isNew: boolean;
  /** Whether pods are made anew under the same name. */
  readonly changes: boolean;
}): number {
  const steady = model.isNew || model.changes ? Math.max(1, model.replicas.min) : model.replicas.min;
  return model.mode === "Knative" && model.changes ? steady + Math.max(1, model.replicas.min) : steady;
}

/** One refusal for each pool that cannot hold its consumers side by side: the pool, the need, the have. */
export function gpuShortages(consumers: readonly GpuConsumer[], supply: ReadonlyMap<string, GpuSupply>): Refusal[] {
  const shortages: Refusal[] = [];
  for (const [pool, { nodes, perNode, has, key }] of supply) {
    const here = consumers.filter((each) => each.pool === pool && each.gpus * each.pods > 0);
    const need = here.reduce((sum, { gpus, pods }) => sum + gpus * pods, 0);
    const needed = leastNodes(
      here.flatMap(({ gpus, pods }) => Array<number>(pods).fill(gpus)),
      perNode,
    );
    if (need > nodes * perNode) {
      const parts = here.map(({ name, gpus, pods }) => `${name} ${gpus * pods}`).join(", ");
      shortages.push(refusal("pool.too-small-at-peak", key, { pool, need, parts, have: has }));
    } else if (needed > nodes) {
      const parts = here.map(({ name, gpus, pods }) => `${name} ${pods} of ${gpus}`).join(", ");
      shortages.push(refusal("pool.too-few-nodes-at-peak", key, { pool, need: needed, perNode, parts, have: nodes }));
    }
  }
  return shortages;
}
