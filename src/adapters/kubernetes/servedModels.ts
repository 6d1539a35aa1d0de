import type { KubeConfig } from "@kubernetes/client-node";
import { type DeployedModel, type ObservedService, onePerModel, routedModels } from "../../domain/release/observed.ts";
import type { ObservedRoute } from "../../domain/serving/observedRoute.ts";
import { labels } from "../../domain/serving/servedModel.ts";
import { readIfThere } from "./request.ts";

interface List<T> {
  readonly items: readonly T[];
}

/** The zoo's models that a namespace serves, as requests reach them: three requests. No such kinds or namespace: none. */
export async function readServedModels(config: KubeConfig, namespace: string): Promise<DeployedModel[]> {
  return onePerModel(await readRoutedModels(config, namespace));
}

/** The same for every route of a model, see {@link routedModels}. */
export async function readRoutedModels(config: KubeConfig, namespace: string): Promise<DeployedModel[]> {
  const query = { labelSelector: `${labels.kind}=zoo` };
  const list = async <T>(group: string, resource: string): Promise<readonly T[]> => {
    const path = `/apis/${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
    return (await readIfThere<List<T>>(config, path, { query }))?.items ?? [];
  };
  const [virtualServices, httpRoutes, services] = await Promise.all([
    list<ObservedRoute>("networking.istio.io/v1", "virtualservices"),
    list<ObservedRoute>("gateway.networking.k8s.io/v1", "httproutes"),
    list<ObservedService>("serving.kserve.io/v1beta1", "inferenceservices"),
  ]);
  return routedModels([...virtualServices, ...httpRoutes], services);
}
