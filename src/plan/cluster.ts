import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { badInput, messageOf } from "../domain/errors.ts";

/** An API that a stack's resources are written in, the key that asks for it, and what helps where it is not served. */
interface NeededApi {
  /** `<group>/<version>` */
  readonly api: string;
  readonly key: string;
  readonly help: string;
}

type ClusterSpec = Pick<
  EnvironmentSpec,
  "zoo" | "development" | "shadows" | "pools" | "nodeClass" | "mesh" | "postgresCluster" | "database" | "builds"
>;

/** APIs of others that the resources of a stack for a cluster need, by what its config declares. */
export function neededApis(spec: ClusterSpec): readonly NeededApi[] {
  const { zoo, development, shadows, pools, mesh, postgresCluster, database, builds } = spec;
  const served = [
    ...Object.entries(zoo).map(([name, { mode }]) => ({ key: keyPath(["zoo", name]), mode })),
    ...Object.entries(development).map(([name, { mode }]) => ({ key: keyPath(["development", name]), mode })),
    ...Object.entries(shadows).map(([name, { primary }]) => ({ key: keyPath(["shadows", name]), mode: primary.mode })),
  ];
  const [first] = served;
  const knative = served.find(({ mode }) => mode === "Knative");
  const [pool] = Object.keys(pools);
  const needed: NeededApi[] = [];
  const need = (key: string, help: string, ...apis: string[]) =>
    needed.push(...apis.map((api) => ({ api, key, help })));
  if (first) need(first.key, "install KServe 0.16 or later", "serving.kserve.io/v1beta1");
  if (first ?? database) {
    need(first?.key ?? keyPath(["database"]), "install Istio 1.22 or later", "networking.istio.io/v1");
  }
  if (knative) need(knative.key, "install Knative Serving, or say mode: Standard", "serving.knative.dev/v1");
  if (mesh) need(keyPath(["mesh"]), "install Istio 1.22 or later, or remove the key", "security.istio.io/v1");
  if (pool !== undefined) {
    need(
      keyPath(["pools", pool]),
      "install Karpenter 1 with its AWS provider, or remove the pools and let pods ask for GPUs of nodes that are there",
      ...["karpenter.sh/v1", "karpenter.k8s.aws/v1"],
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

/**
 * Refuses a stack whose cluster does not serve what it is written in: the engine's previews would not notice, and an `up` would
 * fail half-way. Answers a sentence where a preview could not ask.
 *
 * @param servedApis - reads `<group>/<version>` of every API that the cluster serves
 */
export async function checkCluster(
  spec: ClusterSpec,
  { preview, servedApis }: { readonly preview: boolean; readonly servedApis: () => Promise<ReadonlySet<string>> },
): Promise<string | undefined> {
  // The embedded environment brings its own.
  if (spec.nodeClass === "local") return undefined;
  const needed = neededApis(spec);
  if (needed.length === 0) return undefined;
  let served: ReadonlySet<string>;
  try {
    served = await servedApis();
  } catch (error) {
    if (!preview) throw badInput(`the cluster does not say what it serves: ${messageOf(error)}`, error);
    return `not checked whether the cluster serves ${needed.map(({ api }) => api).join(", ")}: ${messageOf(error)}`;
  }
  const mistakes = needed
    .filter(({ api }) => !served.has(api))
    .map(({ api, key, help }) => `${key}: the cluster does not serve ${api}; ${help}`);
  if (mistakes.length > 0) throw badInput(mistakes.join("\n"));
  return undefined;
}
