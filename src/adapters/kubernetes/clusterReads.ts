import type { KubeConfig } from "@kubernetes/client-node";
import type { StackReads } from "../../domain/console/ports.ts";
import { readPools } from "./readPools.ts";
import { readServedStates } from "./servedStates.ts";

/** How long the cluster has to answer, in milliseconds: a page is shown without it as well. */
const patienceMs = 2_000;

/**
 * What the console shows of a cluster.
 *
 * @param namespace - of the models
 */
export function clusterReads(config: KubeConfig, namespace: string): Pick<StackReads, "served" | "pools"> {
  return {
    served: () => readServedStates(config, namespace, AbortSignal.timeout(patienceMs)),
    pools: () => readPools(config, [namespace], AbortSignal.timeout(patienceMs)),
  };
}
