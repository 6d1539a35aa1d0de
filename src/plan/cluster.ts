import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { clauseOf, refusal, refused } from "../domain/refusals/refusal.ts";

/** An API that a stack's resources are written in, the key that asks for it, and what helps where it is not served. */
interface NeededApi {
  /** `<group>/<version>` */
  readonly api: string;
  readonly key: string;
  readonly help: string;
}

const knativeApi = "serving.knative.dev/v1";
const gatewayApi = "gateway.networking.k8s.io/v1";

type ClusterSpec = Pick<
  EnvironmentSpec,
  | "zoo"
  | "development"
  | "shadows"
  | "pools"
  | "nodeClass"
  | "mesh"
  | "postgresCluster"
  | "database"
  | "builds"
  | "gateway"
>;

/** APIs of others that the resources of a stack for a cluster need, by what its config declares. */
export function neededApis(spec: ClusterSpec): readonly NeededApi[] {
  const { zoo, development, shadows, pools, nodeClass, mesh, postgresCluster, database, builds, gateway } = spec;
  const served = [
    ...Object.entries(zoo).map(([name, { mode }]) => ({ key: keyPath(["zoo", name]), mode })),
    ...Object.entries(development).map(([name, { mode }]) => ({ key: keyPath(["development", name]), mode })),
    ...Object.entries(shadows).map(([name, { primary }]) => ({ key: keyPath(["shadows", name]), mode: primary.mode })),
  ];
  const [first] = served;
  const knative = served.find(({ mode }) => mode === "Knative");
  const [pool] = Object.keys(pools);
  const provider =
    nodeClass === "kwok"
      ? { name: "kwok", api: "karpenter.kwok.sh/v1alpha1" }
      : { name: "AWS", api: "karpenter.k8s.aws/v1" };
  const needed: NeededApi[] = [];
  const need = (key: string, help: string, ...apis: string[]) =>
    needed.push(...apis.map((api) => ({ api, key, help })));
  if (first) need(first.key, "install KServe 0.16 or later", "serving.kserve.io/v1beta1");
  if (first ?? database) {
    if (gateway.api === "gateway-api") {
      const key = keyPath(["gateway", "api"]);
      need(key, "install the CRDs of Gateway API 1.3 or later, or set the key to istio", gatewayApi);
    } else need(first?.key ?? keyPath(["database"]), "install Istio 1.22 or later", "networking.istio.io/v1");
  }
  if (knative) need(knative.key, "install Knative Serving, or say mode: Standard", knativeApi);
  if (mesh) need(keyPath(["mesh"]), "install Istio 1.22 or later, or remove the key", "security.istio.io/v1");
  if (pool !== undefined) {
    need(
      keyPath(["pools", pool]),
      `install Karpenter 1 with its ${provider.name} provider, or remove the pools and let pods ask for GPUs of nodes that are there`,
      ...["karpenter.sh/v1", provider.api],
    );
  }
  if (builds.kind === "tekton") {
    need(keyPath(["builds", "kind"]), "install Tekton Pipelines 1, or pin models by their hash", "tekton.dev/v1");
  }
  if (postgresCluster) {
    need(
      keyPath(["postgresCluster"]),
      `install CrunchyData's operator (PGO 5), or use a server that is there by ${keyPath(["database"])}`,
      "postgres-operator.crunchydata.com/v1beta1",
    );
  }
  return needed;
}

/** What a stack asks its cluster. */
export interface ClusterReader {
  /** `<group>/<version>` of every API that the cluster serves. */
  readonly servedApis: () => Promise<ReadonlySet<string>>;
  /** Feature gates of the Karpenter that runs in the cluster; undefined where none was found. */
  readonly karpenterGates: () => Promise<Readonly<Record<string, boolean>> | undefined>;
}

/**
 * Refuses a stack whose cluster does not serve what it is written in: the engine's previews would not notice, and an `up` would
 * fail half-way. Answers the sentences of warnings, and of what a preview could not ask.
 */
export async function checkCluster(
  spec: ClusterSpec,
  { preview, reader }: { readonly preview: boolean; readonly reader: ClusterReader },
): Promise<readonly string[]> {
  // The embedded environment brings its own, and an existing cluster without GPU nodes runs under its node class too. Knative and
  // Gateway API are what that need not have.
  const needed = neededApis(spec).filter(
    ({ api }) => spec.nodeClass !== "local" || api === knativeApi || api === gatewayApi,
  );
  if (needed.length === 0) return [];
  let served: ReadonlySet<string>;
  try {
    served = await reader.servedApis();
  } catch (error) {
    if (!preview) {
      const { problem: reason, fix } = clauseOf(error);
      throw refused(refusal("cluster.silent", null, { reason, fix }), error);
    }
    return [`not checked whether the cluster serves ${needed.map(({ api }) => api).join(", ")}: ${messageOf(error)}`];
  }
  const mistakes = needed
    .filter(({ api }) => !served.has(api))
    .map(({ api, key, help }) => refusal("cluster.api-not-served", key, { api, help }));
  if (mistakes.length > 0) throw refused(mistakes);
  return staticPools(spec, reader);
}

/** Karpenter's gate for pools with a fixed number of nodes: alpha, and off by default (https://karpenter.sh/docs/reference/settings/). */
const staticGate = "StaticCapacity";

/** A warning where Karpenter would make no node for a pool with `replicas`. */
async function staticPools({ pools, nodeClass }: ClusterSpec, { karpenterGates }: ClusterReader): Promise<string[]> {
  const [first, ...others] = Object.entries(pools).filter(([, { replicas }]) => replicas !== undefined);
  if (!first || nodeClass === "local") return [];
  const key = keyPath(["pools", first[0], "replicas"]);
  const also = others.length > 0 ? ` (and ${others.map(([name]) => name).join(", ")})` : "";
  const change = `set settings.featureGates.staticCapacity=true in Karpenter's Helm chart, or use limits instead of replicas`;
  const gates = await karpenterGates().catch((error: unknown) => messageOf(error));
  if (typeof gates === "object" && gates[staticGate] === true) return [];
  const why = typeof gates === "string" ? gates : "no Deployment has the label app.kubernetes.io/name=karpenter";
  if (typeof gates !== "object") {
    return [
      `${key}${also}: needs Karpenter's feature gate ${staticGate}, which is off by default; not checked: ${why}`,
    ];
  }
  return [`${key}${also}: Karpenter makes no nodes for it, because its feature gate ${staticGate} is off; ${change}`];
}
