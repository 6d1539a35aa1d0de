import { kubeConfigOf } from "../adapters/kubernetes/kubeConfigFile.ts";
import { readServedApis } from "../adapters/kubernetes/servedApis.ts";
import { messageOf } from "../domain/errors.ts";
import { type ClusterSpec, refuseUnserved } from "../plan/cluster.ts";
import { refuse } from "./refusals.ts";

/**
 * Makes sure that the cluster of a kubeconfig answers and serves what a stack is written in, before anything is downloaded for it.
 * @param spec undefined where the program is not to be run
 */
export async function requireCluster(kubeconfig: string, spec: ClusterSpec | undefined): Promise<void> {
  let served: ReadonlySet<string>;
  try {
    served = await readServedApis(kubeConfigOf(kubeconfig));
  } catch (error) {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw refuse("cluster.unreachable", { kubeconfig, cause });
  }
  if (spec) refuseUnserved(spec, served);
}
