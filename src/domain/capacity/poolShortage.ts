import type { Condition } from "../serving/condition.ts";
import { gpuCountLabel, gpuResource } from "../serving/placement.ts";

/** A Karpenter NodePool (karpenter.sh/v1), as far as it tells why it gives no node. */
export interface ObservedNodePool {
  readonly spec?: {
    /** A fixed number of nodes. */
    readonly replicas?: number;
    /** Of all nodes together, by resource. */
    readonly limits?: Readonly<Record<string, string | number>>;
    readonly template?: {
      readonly spec?: {
        readonly requirements?: readonly { readonly key: string; readonly values?: readonly string[] }[];
      };
    };
  };
  readonly status?: {
    /** Nodes that are there. */
    readonly nodes?: number;
    /** Of all nodes that are there, by resource. */
    readonly resources?: Readonly<Record<string, string | number>>;
    readonly conditions?: readonly Condition[];
  };
}

/** What is known of a pool at a moment when a pod finds no node there. What cannot be read is left out. */
export interface ObservedCapacity {
  /** Name of the pod. */
  readonly pod: string;
  readonly nodePool?: ObservedNodePool | undefined;
  /** Nodes that Karpenter has asked for. */
  readonly nodeClaims: readonly {
    readonly metadata?: { readonly name?: string };
    readonly status?: { readonly conditions?: readonly Condition[] };
  }[];
  /** What Karpenter said last about the pod, or about a node for it that it could not get. */
  readonly said?: string | undefined;
}

/**
 * Why a pool does not grow for a pod, as clauses with a semicolon before each; empty where nothing is known.
 *
 * @param gpus that the pod asks for
 */
export function explainShortage(pool: string, gpus: number, { nodePool, nodeClaims, said }: ObservedCapacity): string {
  const conditions = nodePool?.status?.conditions ?? [];
  const unwell = conditions.find(({ type, status }) => poolConditions.has(type) && status === "False");
  const claims = nodeClaims.flatMap(({ metadata, status }) => {
    const failed = status?.conditions?.find(({ type, ...each }) => claimConditions.has(type) && hasFailed(each));
    return failed ? [`node claim ${metadata?.name} is not ${failed.type.toLowerCase()} (${told(failed)})`] : [];
  });
  const clauses = [
    ...(gpus > 0 && nodePool ? [sizeOf(pool, gpus, nodePool)] : []),
    ...(unwell ? [`Karpenter does not use the pool (${unwell.type}: ${told(unwell)})`] : []),
    ...claims.slice(0, 1),
    ...(said === undefined ? [] : [`Karpenter says: ${said}`]),
  ];
  return clauses.map((clause) => `; ${clause}`).join("");
}

/** Without these Karpenter makes no node of a pool (`pkg/apis/v1/nodepool_status.go` of Karpenter 1.15). */
const poolConditions = new Set(["ValidationSucceeded", "NodeClassReady", "NodeRegistrationHealthy"]);
/** The way of a node claim to a node, in this order (`pkg/apis/v1/nodeclaim_status.go`). */
const claimConditions = new Set(["Launched", "Registered", "Initialized"]);

/** A condition that is merely not reached yet is Unknown, and says nothing worth telling but for a launch that failed. */
function hasFailed({ status, reason }: Omit<Condition, "type">): boolean {
  return status === "False" || (status === "Unknown" && reason === "LaunchFailed");
}

function told({ reason, message }: Condition): string {
  return message || reason || "no message";
}

function sizeOf(pool: string, gpus: number, { spec, status }: ObservedNodePool): string {
  const asks = `it asks for ${gpus} GPU${gpus === 1 ? "" : "s"}`;
  const key = `menagerie:pools.${pool}`;
  if (spec?.replicas !== undefined) {
    const nodes = spec.replicas === 1 ? "1 node" : `${spec.replicas} nodes`;
    if (status?.nodes === 0 && spec.replicas > 0) {
      return `${asks}, and the pool has none of its ${nodes}: Karpenter makes them only with its feature gate StaticCapacity`;
    }
    return `${asks}, and the pool has ${nodes}, never more: raise ${key}.replicas, or free GPUs there`;
  }
  const limit = spec?.limits?.[gpuResource];
  if (limit === undefined) return asks;
  const used = status?.resources?.[gpuResource];
  const have = used === undefined ? `at most ${limit} GPUs` : `${used} GPUs of at most ${limit}`;
  const node = gpusOfNode(spec?.template?.spec?.requirements ?? []);
  const left = used === undefined ? Number.POSITIVE_INFINITY : Number(limit) - Number(used);
  if (left >= Math.max(node, gpus)) return `${asks}, and the pool's nodes have ${have}`;
  const why = left >= gpus ? `, too few for one more node of ${node}` : "";
  return `${asks}, and the pool's nodes have ${have}${why}: raise ${key}.limits.gpus, or free GPUs there`;
}

/** GPUs of each node; 0 where the pool does not say. Karpenter makes a node only where all of it is within the limit. */
function gpusOfNode(requirements: readonly { readonly key: string; readonly values?: readonly string[] }[]): number {
  const [count] = requirements.find(({ key }) => key === gpuCountLabel)?.values ?? [];
  return Number(count ?? 0);
}
