import type { KubeConfig } from "@kubernetes/client-node";
import type {
  ObservedDeployment,
  ObservedInferenceService,
  ObservedPod,
  ObservedReplicaSet,
} from "../../domain/serving/observed.ts";
import type { ObservedRoute, RouteKind } from "../../domain/serving/observedRoute.ts";
import { judgeServed, type ObservedServed, type Served, type Standing } from "../../domain/serving/standing.ts";
import { capacityOf } from "./poolCapacity.ts";
import { readIfThere } from "./request.ts";

/** Everything of one namespace that the judge reads. */
interface NamespaceObjects {
  readonly inferenceServices: readonly ObservedInferenceService[];
  readonly deployments: readonly ObservedDeployment[];
  readonly replicaSets: readonly ObservedReplicaSet[];
  readonly pods: readonly ObservedPod[];
  readonly routes: Readonly<Record<RouteKind, readonly ObservedRoute[]>>;
  /** Names. */
  readonly services: ReadonlySet<string>;
}

/**
 * How everything that a stack serves stands now: six or seven lists for each of its namespaces, whatever the number of its models, and some
 * requests more for a pool that has no room.
 * @throws KubernetesApiError where the cluster refuses to show it
 */
export async function observeStandings(
  config: KubeConfig,
  served: readonly Served[],
  signal: AbortSignal,
): Promise<Standing[]> {
  const namespaces = [...new Set(served.map(({ namespace }) => namespace))];
  const kinds = new Set(served.flatMap((each) => (each.kind === "route" ? [each.objectKind] : [])));
  const objects = new Map(
    await Promise.all(
      namespaces.map(async (namespace) => [namespace, await objectsIn(config, namespace, kinds, signal)] as const),
    ),
  );
  const services = new Map([...objects].map(([namespace, held]) => [namespace, held.services]));
  const now = Date.now();
  return Promise.all(
    served.map(async (each): Promise<Standing> => {
      const observed = { ...observedOf(each, objects.get(each.namespace) ?? nothing), services };
      const readiness = judgeServed(each, observed, now);
      if (each.kind !== "model" || (readiness.state !== "unplaced" && readiness.state !== "starting")) {
        return { served: each, readiness };
      }
      const capacity = await capacityOf({ config, ...each })(observed.pods, signal);
      return { served: each, readiness: capacity ? judgeServed(each, { ...observed, capacity }, now) : readiness };
    }),
  );
}

const nothing: NamespaceObjects = {
  inferenceServices: [],
  deployments: [],
  replicaSets: [],
  pods: [],
  services: new Set(),
  routes: { VirtualService: [], HTTPRoute: [] },
};

async function objectsIn(
  config: KubeConfig,
  namespace: string,
  kinds: ReadonlySet<RouteKind>,
  signal: AbortSignal,
): Promise<NamespaceObjects> {
  const list = async <T>(base: string, resource: string): Promise<readonly T[]> => {
    const path = `${base}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
    // Without the kind or the namespace, the cluster has no such objects.
    return (await readIfThere<{ items: readonly T[] }>(config, path, { signal }))?.items ?? [];
  };
  const ofKind = async (kind: RouteKind, base: string, resource: string) =>
    kinds.has(kind) ? list<ObservedRoute>(base, resource) : [];
  const [inferenceServices, deployments, replicaSets, pods, VirtualService, HTTPRoute, services] = await Promise.all([
    list<ObservedInferenceService>("/apis/serving.kserve.io/v1beta1", "inferenceservices"),
    list<ObservedDeployment>("/apis/apps/v1", "deployments"),
    list<ObservedReplicaSet>("/apis/apps/v1", "replicasets"),
    list<ObservedPod>("/api/v1", "pods"),
    ofKind("VirtualService", "/apis/networking.istio.io/v1", "virtualservices"),
    ofKind("HTTPRoute", "/apis/gateway.networking.k8s.io/v1", "httproutes"),
    list<{ readonly metadata?: { readonly name?: string } }>("/api/v1", "services"),
  ]);
  const names = new Set(services.map(({ metadata }) => metadata?.name ?? ""));
  const routes = { VirtualService, HTTPRoute };
  return { inferenceServices, deployments, replicaSets, pods, routes, services: names };
}

/** What belongs to one of them. */
function observedOf(served: Served, held: NamespaceObjects): Omit<ObservedServed, "services"> {
  const { inferenceServices, deployments, replicaSets, pods, routes } = held;
  const none = { inferenceService: undefined, deployments: [], replicaSets: [], pods: [] };
  if (served.kind === "route") {
    return { ...none, route: routes[served.objectKind].find(({ metadata }) => metadata?.name === served.object) };
  }
  if (served.kind !== "model") {
    const own = deployments.filter(({ metadata }) => metadata?.name === served.object);
    const uids = new Set(own.map(({ metadata }) => metadata?.uid));
    const sets = replicaSets.filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uids.has(uid)));
    return { ...none, deployments: own, replicaSets: sets, pods };
  }
  const { object, component } = served;
  const isOwn = ({ metadata }: ObservedDeployment | ObservedReplicaSet | ObservedPod): boolean =>
    metadata?.labels?.["serving.kserve.io/inferenceservice"] === object && metadata.labels.component === component;
  return {
    inferenceService: inferenceServices.find(({ metadata }) => metadata?.name === object),
    deployments: deployments.filter(isOwn),
    replicaSets: replicaSets.filter(isOwn),
    pods: pods.filter(isOwn),
  };
}
