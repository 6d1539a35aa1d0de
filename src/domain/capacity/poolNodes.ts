/** How a pool's size is declared. */
export interface PoolSize {
  /** A fixed number of nodes. */
  readonly replicas?: number | undefined;
  /** GPUs of all nodes together, where nodes come and go. */
  readonly limits?: { readonly gpus: number } | undefined;
  readonly gpu: { readonly perNode: number };
}

/** Nodes that a pool has at most. */
export interface PoolNodes {
  readonly nodes: number;
  /** GPUs of each. */
  readonly perNode: number;
  /** Their GPUs, as a sentence says it. */
  readonly has: string;
}

/**
 * Nodes that a pool has at most. Karpenter makes a node only where all of its GPUs are within the limit, whatever a pod asks for
 * (`filterByRemainingResources` in pkg/controllers/provisioning/scheduling of Karpenter 1.15): what is left of a limit below one node
 * is never used.
 */
export function poolNodes({ replicas, limits, gpu: { perNode } }: PoolSize): PoolNodes {
  if (replicas !== undefined) return { nodes: replicas, perNode, has: String(replicas * perNode) };
  const limit = limits?.gpus ?? 0;
  const nodes = Math.floor(limit / perNode);
  const gpus = nodes * perNode;
  return { nodes, perNode, has: gpus === limit ? String(gpus) : `${gpus} (whole nodes of ${perNode} within ${limit})` };
}

/**
 * The fewest nodes that pods with these numbers of GPUs can be placed on, by Martello and Toth's lower bound of bin packing: more may be
 * needed, except for pods of one size, or of sizes that divide each other.
 */
export function leastNodes(gpus: readonly number[], perNode: number): number {
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  const half = perNode / 2;
  let least = 0;
  for (let small = 0; small <= half; small += 1) {
    const alone = gpus.filter((size) => size > perNode - small).length;
    const large = gpus.filter((size) => size > half && size <= perNode - small);
    const rest = sum(gpus.filter((size) => size >= small && size <= half));
    const beside = large.length * perNode - sum(large);
    least = Math.max(least, alone + large.length + Math.max(0, Math.ceil((rest - beside) / perNode)));
  }
  return least;
}
