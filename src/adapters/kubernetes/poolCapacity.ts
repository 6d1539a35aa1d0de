import type { KubeConfig } from "@kubernetes/client-node";
import type { ObservedCapacity, ObservedNodePool } from "../../domain/capacity/poolShortage.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { homeless } from "../../domain/serving/pods.ts";
import { isApiError, requestJson } from "./request.ts";

/** Looks between two questions about a pool: what Karpenter does takes minutes, and lists of events are long. */
const looksBetween = 10;

/** An event (v1), as far as it is read. */
interface ObservedEvent {
  readonly involvedObject?: { readonly name?: string };
  readonly message?: string;
  readonly source?: { readonly component?: string };
  readonly reportingComponent?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** Where the pods are that a pool has no node for. */
export interface PoolAddress {
  readonly config: KubeConfig;
  readonly namespace: string;
  readonly pool: string;
}

/**
 * Looks after a pool while pods wait for a node: answers what is known of it, read anew at every tenth look; undefined while no pod
 * waits. Whatever the kubeconfig's user may not read, or the cluster does not have, is left out.
 */
export function capacityOf(
  address: PoolAddress,
): (pods: readonly ObservedPod[], signal: AbortSignal) => Promise<ObservedCapacity | undefined> {
  let looks = 0;
  let last: ObservedCapacity | undefined;
  return async (pods, signal) => {
    const pod = homeless(pods)?.metadata?.name;
    if (pod === undefined) return undefined;
    if (last?.pod !== pod || looks % looksBetween === 0) last = await observeCapacity(address, pod, signal);
    looks += 1;
    return last;
  };
}

async function observeCapacity(
  { config, namespace, pool }: PoolAddress,
  pod: string,
  signal: AbortSignal,
): Promise<ObservedCapacity> {
  const read = async <T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T | undefined> => {
    try {
      return await requestJson<T>(config, "GET", path, { query, signal });
    } catch (error) {
      if (isApiError(error)) return undefined;
      throw error;
    }
  };
  const karpenter = "/apis/karpenter.sh/v1";
  const events = async (where: string, fieldSelector: string) =>
    (await read<{ items: ObservedEvent[] }>(`/api/v1/namespaces/${where}/events`, { fieldSelector }))?.items ?? [];
  const [nodePool, claims, ofPod, ofClaims] = await Promise.all([
    read<ObservedNodePool>(`${karpenter}/nodepools/${pool}`),
    read<{ items: ObservedCapacity["nodeClaims"] }>(`${karpenter}/nodeclaims`, {
      labelSelector: `karpenter.sh/nodepool=${pool}`,
    }),
    events(namespace, `involvedObject.name=${pod},reason=FailedScheduling`),
    // Karpenter takes a claim away whose instance it cannot get; the event stays, for objects without a namespace in `default`.
    events("default", "involvedObject.kind=NodeClaim,reason=InsufficientCapacityError"),
  ]);
  const ofPool = ofClaims.filter(({ involvedObject }) => claimOf(pool).test(involvedObject?.name ?? ""));
  const said = [...ofPod.filter(isKarpenters), ...ofPool].sort(byTime).at(-1)?.message;
  return { pod, nodePool, nodeClaims: claims?.items ?? [], said: said?.replaceAll(/\s+/g, " ").trim().slice(0, 400) };
}

/** Names that Karpenter makes for the claims of a pool, by the API server's generator. */
function claimOf(pool: string): RegExp {
  return new RegExp(`^${pool}-[a-z0-9]{5}$`);
}

function isKarpenters({ source, reportingComponent }: ObservedEvent): boolean {
  return source?.component === "karpenter" || reportingComponent === "karpenter";
}

function byTime(one: ObservedEvent, other: ObservedEvent): number {
  const at = ({ lastTimestamp, eventTime }: ObservedEvent) => Date.parse(lastTimestamp ?? eventTime ?? "") || 0;
  return at(one) - at(other);
}
