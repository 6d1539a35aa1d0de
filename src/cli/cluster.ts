import type { V1APIGroupList } from "@kubernetes/client-node";
import { kubeConfigOf } from "../adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../adapters/kubernetes/request.ts";
import { messageOf } from "../domain/errors.ts";
import { refuse } from "./refusals.ts";

/** API groups that the program's objects belong to, and what brings them into a cluster. */
const neededGroups: Readonly<Record<string, string>> = {
  "serving.kserve.io": "KServe",
  "networking.istio.io": "Istio",
  "karpenter.sh": "Karpenter",
};

/** Makes sure that the cluster of a kubeconfig answers and knows what the program declares; else one sentence. */
export async function requireCluster(kubeconfig: string): Promise<void> {
  let groups: V1APIGroupList;
  try {
    const config = kubeConfigOf(kubeconfig);
    groups = await requestJson<V1APIGroupList>(config, "GET", "/apis", { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw refuse("cluster.unreachable", { kubeconfig, cause });
  }
  const known = new Set(groups.groups.map((group) => group.name));
  const missing = Object.entries(neededGroups).filter(([group]) => !known.has(group));
  if (missing.length > 0) {
    const list = missing.map(([group, product]) => `${product} (${group})`).join(", ");
    throw refuse("cluster.lacks-crds", { kubeconfig, list });
  }
}
