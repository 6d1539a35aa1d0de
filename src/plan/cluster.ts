import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { clauseOf, refusal, refused } from "../domain/refusals/refusal.ts";
import { isIstioGateway } from "../domain/serving/copyLimits.ts";
import { scaledModels } from "./targets.ts";

/** An API that a stack's resources are written in, the key that asks for it, and what helps where it is not served. */
interface NeededApi {
  /** `<group>/<version>` */
  readonly api: string;
  readonly key: string;
  readonly help: string;
}

export type ClusterSpec = Pick<
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
      const help = "install the CRDs of Gateway API 1.3 or later, or set the key to istio";
      need(key, help, "gateway.networking.k8s.io/v1");
    } else need(first?.key ?? keyPath(["database"]), "install Istio 1.22 or later", "networking.istio.io/v1");
  }
  if (knative) need(knative.key, "install Knative Serving, or say mode: Standard", "serving.knative.dev/v1");
  const istio = "install Istio 1.22 or later, or remove the key";
  if (mesh) need(keyPath(["mesh"]), istio, "security.istio.io/v1", "networking.istio.io/v1");
  const [shadow] = isIstioGateway(spec) ? Object.keys(shadows) : [];
  if (mesh?.keyCheck) need(keyPath(["mesh", "keyCheck"]), istio, "networking.istio.io/v1alpha3");
  if (shadow !== undefined) {
    need(keyPath(["shadows", shadow]), istio, "networking.istio.io/v1alpha3", "networking.istio.io/v1");
  }
  if (pool !== undefined) {
    const key = keyPath(["pools", pool]);
    const instead = "remove the pools and the models that name them";
    if (nodeClass === "local") {
      need(key, `install Karpenter 1, or ${instead}`, "karpenter.sh/v1");
      need(key, `apply src/local/node/localnodeclass.crd.yaml, or ${instead}`, "local.menagerie.dev/v1alpha1");
    } else {
      const help = `install Karpenter 1 with its ${provider.name} provider, or ${instead}`;
      need(key, help, "karpenter.sh/v1", provider.api);
    }
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
  return firstOfEach([...needed, ...measuringApis(spec)]);
}

/** The API that tells what pods use; without it a HorizontalPodAutoscaler leaves a model at its fewest pods. */
const metricsApi = "metrics.k8s.io/v1beta1";

/** APIs of what measures the targets that models scale by. */
function measuringApis(spec: Pick<ClusterSpec, "zoo" | "shadows">): NeededApi[] {
  return firstOfEach(
    scaledModels(spec)
      .filter(({ isChosen }) => isChosen)
      .map(({ key, metric }) =>
        metric === "cpu"
          ? { key, api: metricsApi, help: "install metrics-server, or use concurrency or rps" }
          : { key, api: "keda.sh/v1alpha1", help: "install KEDA 2, or use cpu" },
      ),
  );
}

function firstOfEach(needed: readonly NeededApi[]): NeededApi[] {
  return needed.filter(({ api }, index) => needed.findIndex((other) => other.api === api) === index);
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
 *
 * @param isEmbedded whether it is an environment of `menagerie`, which brings everything but KEDA. Default: false
 */
export async function checkCluster(
  spec: ClusterSpec,
  {
    preview,
    reader,
    isEmbedded = false,
  }: { readonly preview: boolean; readonly reader: ClusterReader; readonly isEmbedded?: boolean | undefined },
): Promise<readonly string[]> {
  const needed = isEmbedded ? measuringApis(spec) : neededApis(spec);
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
  refuseMissing(needed, served);
  return isEmbedded ? [] : [...unmeasured(spec, served), ...(await staticPools(spec, reader))];
}

/** Refuses a stack whose cluster serves only these APIs, with a line for each that is missing. */
export function refuseUnserved(spec: ClusterSpec, served: ReadonlySet<string>): void {
  refuseMissing(neededApis(spec), served);
}

function refuseMissing(needed: readonly NeededApi[], served: ReadonlySet<string>): void {
  const issues = needed
    .filter(({ api }) => !served.has(api))
    .map(({ api, key, help }) => refusal("cluster.api-not-served", key, { api, help }));
  if (issues.length > 0) throw refused(issues);
}

/** A warning where models scale by what KServe chooses, and nothing measures it: such stacks were deployed before targets came. */
function unmeasured(spec: ClusterSpec, served: ReadonlySet<string>): string[] {
  const [first, ...others] = scaledModels(spec).filter(({ isChosen }) => !isChosen);
  if (!first || served.has(metricsApi)) return [];
  const also = others.length > 0 ? ` (and ${others.length} more)` : "";
  return [
    `${first.key}${also}: nothing scales it, because the cluster does not serve ${metricsApi}; install metrics-server, or set max to min`,
  ];
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
