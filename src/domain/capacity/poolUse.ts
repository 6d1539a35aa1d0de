import type { ObservedPod } from "../serving/observed.ts";
import { gpuCountLabel, gpuResource } from "../serving/placement.ts";
import { alive, conditionOf, gpusOf, tidy } from "../serving/pods.ts";
import { labels } from "../serving/servedModel.ts";
import type { ObservedNodePool } from "./poolShortage.ts";

/** The GPUs of a pool: how many there are, and who has or wants them. */
export interface PoolUse {
  /** Its name; null for pods that ask for GPUs of no pool. */
  readonly pool: string | null;
  /** GPUs of all its nodes at most, as it is declared; null where nothing says. */
  readonly most: number | null;
  /** Nodes that are there now, and their GPUs. */
  readonly nodes: number;
  readonly gpus: number;
  /** GPUs of pods that have a node. */
  readonly used: number;
  /** GPUs of pods that have none yet. */
  readonly waiting: number;
  /** Those who asked for them, by name. */
  readonly users: readonly PoolUser[];
}

/** A service whose pods ask for GPUs. */
export interface PoolUser {
  /** Name of the InferenceService, or of the pod where it belongs to none. */
  readonly service: string;
  /** Name of the model; null where the pod says none. */
  readonly model: string | null;
  readonly kind: "zoo" | "development" | "shadow" | null;
  /** Pods that have a node or wait for one. */
  readonly pods: number;
  readonly used: number;
  readonly waiting: number;
  /** Why the scheduler finds no node; null where nothing waits. */
  readonly because: string | null;
}

/** A node, as far as its GPUs go. */
export interface ObservedNode {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly allocatable?: Readonly<Record<string, string | number>> };
}

/** What a cluster shows of its pools. */
export interface ObservedPools {
  /** Empty where the cluster has no such kind. */
  readonly nodePools: readonly (ObservedNodePool & { readonly metadata?: { readonly name?: string } })[];
  readonly nodes: readonly ObservedNode[];
  /** Pods that may ask for GPUs; others are passed over. */
  readonly pods: readonly ObservedPod[];
}

/** Who has the GPUs of each pool and who waits for them: pools by name, then what asks for GPUs of none. */
export function poolUses({ nodePools, nodes, pods }: ObservedPools): PoolUse[] {
  const asking = alive(pods).filter((pod) => gpusOf(pod) > 0);
  const known = nodePools.flatMap(({ metadata }) => metadata?.name ?? []);
  const named = [
    ...nodes.filter(({ status }) => gpusIn(status?.allocatable) > 0).map(poolOfNode),
    ...asking.map(poolOf),
  ];
  const names = [...new Set([...known, ...named.flatMap((name) => name ?? [])])].sort();
  const all = named.includes(null) ? [...names, null] : names;
  return all.map((pool) => {
    const declared = nodePools.find(({ metadata }) => metadata?.name === pool);
    const own = nodes.filter((node) => poolOfNode(node) === pool && gpusIn(node.status?.allocatable) > 0);
    const users = usersOf(asking.filter((pod) => poolOf(pod) === pool));
    const sum = (of: "used" | "waiting"): number => users.reduce((total, user) => total + user[of], 0);
    return {
      pool,
      most: declared ? mostOf(declared, own) : null,
      nodes: own.length,
      gpus: own.reduce((total, { status }) => total + gpusIn(status?.allocatable), 0),
      used: sum("used"),
      waiting: sum("waiting"),
      users,
    };
  });
}

function usersOf(pods: readonly ObservedPod[]): PoolUser[] {
  const byService = Map.groupBy(pods, serviceOf);
  return [...byService]
    .map(([service, own]): PoolUser => {
      const waiting = own.filter(({ spec }) => spec?.nodeName === undefined);
      const [one] = own;
      return {
        service,
        model: one?.metadata?.labels?.[labels.model] ?? null,
        kind: kinds.find((kind) => kind === one?.metadata?.labels?.[labels.kind]) ?? null,
        pods: own.length,
        used: gpusOfAll(own) - gpusOfAll(waiting),
        waiting: gpusOfAll(waiting),
        because: waiting[0] ? reasonOf(waiting[0]) : null,
      };
    })
    .sort((a, b) => (a.service < b.service ? -1 : 1));
}

const kinds = ["zoo", "development", "shadow"] as const;

/** The scheduler has not said anything of a pod that was made just now. */
function reasonOf({ status }: ObservedPod): string {
  const { message } = conditionOf(status?.conditions, "PodScheduled") ?? {};
  return message === undefined ? "the scheduler has not looked at it yet" : tidy(message);
}

/** GPUs of all nodes that a pool may have. A local pool says by its nodes alone how many each has. */
function mostOf({ spec }: ObservedNodePool, nodes: readonly ObservedNode[]): number | null {
  if (spec?.replicas === undefined) {
    const limit = spec?.limits?.[gpuResource];
    return limit === undefined ? null : Number(limit);
  }
  const [count] = spec.template?.spec?.requirements?.find(({ key }) => key === gpuCountLabel)?.values ?? [];
  const perNode = count === undefined ? gpusIn(nodes[0]?.status?.allocatable) : Number(count);
  return perNode === 0 ? null : spec.replicas * perNode;
}

function serviceOf({ metadata }: ObservedPod): string {
  return metadata?.labels?.["serving.kserve.io/inferenceservice"] ?? metadata?.name ?? "";
}

function poolOf({ spec }: ObservedPod): string | null {
  return spec?.nodeSelector?.[labels.pool] ?? null;
}

function poolOfNode({ metadata }: ObservedNode): string | null {
  return metadata?.labels?.[labels.pool] ?? null;
}

function gpusIn(resources: Readonly<Record<string, string | number>> | undefined): number {
  return Number(resources?.[gpuResource] ?? 0);
}

function gpusOfAll(pods: readonly ObservedPod[]): number {
  return pods.reduce((total, pod) => total + gpusOf(pod), 0);
}

/** Lines for a terminal: a line for each pool, and below it one for each user. */
export function describePools(pools: readonly PoolUse[]): string[] {
  return pools.flatMap((pool) => [
    `${pool.pool ?? "no pool"}: ${describeGpus(pool)}`,
    ...pool.users.flatMap(({ service, used, waiting, because }) => [
      `  ${service}: ${[...(used > 0 ? [`${used} used`] : []), ...(waiting > 0 ? [`${waiting} waiting`] : [])].join(", ")}${because === null ? "" : ` (${because})`}`,
    ]),
  ]);
}

/** Such as `1 of 2 GPUs used, 1 waiting; at most 4`. */
export function describeGpus({ gpus, used, waiting, most }: PoolUse): string {
  const asked = waiting === 0 ? "" : `, ${waiting} waiting`;
  return `${used} of ${gpus} GPUs used${asked}${most === null || most === gpus ? "" : `; at most ${most}`}`;
}
