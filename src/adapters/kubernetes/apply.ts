import type { KubeConfig, KubernetesObject, V1APIResourceList } from "@kubernetes/client-node";
import { apply, requestJson } from "./request.ts";

/** Parallel requests of {@link applyObjects}: enough to hide the way there and back, few enough for a small API server. */
const parallel = 4;

/**
 * Server-side apply of any objects, as field manager `manager`, taking over fields that others own. Objects are
 * applied in the order given, a few at a time, so an object must not need one that stands just before it.
 * (The client library's own object API sends objects through its models, which lose fields of CRD schemas.)
 */
export async function applyObjects(
  config: KubeConfig,
  objects: readonly KubernetesObject[],
  manager: string,
): Promise<void> {
  const resources = new Map<string, Promise<V1APIResourceList>>();
  const pathOf = async (object: KubernetesObject): Promise<string> => {
    const apiVersion = object.apiVersion ?? "";
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    let list = resources.get(base);
    if (!list) {
      list = requestJson<V1APIResourceList>(config, "GET", base);
      resources.set(base, list);
    }
    const resource = (await list).resources.find(({ kind, name }) => kind === object.kind && !name.includes("/"));
    if (!resource) throw new Error(`the API server has no ${object.kind} in ${apiVersion}`);
    const { name, namespace } = object.metadata ?? {};
    return `${base}${resource.namespaced ? `/namespaces/${namespace}` : ""}/${resource.name}/${name}`;
  };

  const queue = [...objects];
  const worker = async (): Promise<void> => {
    for (let object = queue.shift(); object; object = queue.shift()) {
      await apply(config, await pathOf(object), object, manager);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}
