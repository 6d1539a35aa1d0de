import type { KubeConfig } from "@kubernetes/client-node";
import { type ObservedNode, type ObservedPools, type PoolUse, poolUses } from "../../domain/capacity/poolUse.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { isApiError, readIfThere } from "./request.ts";

/**
 * Who has the GPUs of a cluster's pools and who waits for them, of the pods in `namespaces`.
 * @throws KubernetesApiError where the cluster refuses to show it
 */
export async function readPools(
  config: KubeConfig,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<PoolUse[]> {
  const list = async <T>(path: string): Promise<readonly T[]> =>
    // Without Karpenter, or without the namespace, the cluster has no such objects.
    (await readIfThere<{ items: readonly T[] }>(config, path, { signal }))?.items ?? [];
  // Where a stack declares no pool, its console may list none.
  const listOfCluster = <T>(path: string): Promise<readonly T[]> =>
    list<T>(path).catch((error: unknown) => {
      if (isApiError(error, 403)) return [];
      throw error;
    });
  const [nodePools, nodes, ...pods] = await Promise.all([
    listOfCluster<ObservedPools["nodePools"][number]>("/apis/karpenter.sh/v1/nodepools"),
    listOfCluster<ObservedNode>("/api/v1/nodes"),
    ...namespaces.map((each) => list<ObservedPod>(`/api/v1/namespaces/${encodeURIComponent(each)}/pods`)),
  ]);
  return poolUses({ nodePools, nodes, pods: pods.flat() });
}
