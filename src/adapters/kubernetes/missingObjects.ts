import type { KubeConfig } from "@kubernetes/client-node";
import type { DeclaredResource } from "../../domain/serving/standing.ts";
import { isApiError, request, requestJson } from "./request.ts";

/** What is read of a resource in the engine's state. */
export type StateResource = DeclaredResource;

interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Those of a stack's Kubernetes objects that the cluster does not hold, such as after a person deleted their namespace. */
export async function missingObjects(
  config: KubeConfig,
  resources: readonly StateResource[],
): Promise<StateResource[]> {
  const plurals = new Map<string, Promise<ReadonlyMap<string, string>>>();
  const pluralsOf = (apiVersion: string): Promise<ReadonlyMap<string, string>> => {
    const known = plurals.get(apiVersion) ?? readPlurals(config, apiVersion);
    plurals.set(apiVersion, known);
    return known;
  };
  const judged = await Promise.all(
    resources.map(async (resource) => {
      const object = objectOf(resource);
      return object !== undefined && !(await isThere(config, object, pluralsOf)) ? [resource] : [];
    }),
  );
  return judged.flat();
}

/** A patch stands for an object of somebody else. */
function objectOf({ type, outputs, delete: replaced }: StateResource): StoredObject | undefined {
  if (!type.startsWith("kubernetes:") || type.endsWith("Patch") || replaced) return undefined;
  const { apiVersion, kind, metadata } = (outputs ?? {}) as Partial<StoredObject>;
  return apiVersion && kind && metadata?.name ? { apiVersion, kind, metadata } : undefined;
}

async function isThere(
  config: KubeConfig,
  { apiVersion, kind, metadata: { name, namespace } }: StoredObject,
  pluralsOf: (apiVersion: string) => Promise<ReadonlyMap<string, string>>,
): Promise<boolean> {
  const plural = (await pluralsOf(apiVersion)).get(kind);
  if (plural === undefined) return false;
  const path = `${baseOf(apiVersion)}${namespace ? `/namespaces/${namespace}` : ""}/${plural}/${name}`;
  try {
    await (await request(config, "GET", path)).body?.cancel();
    return true;
  } catch (error) {
    if (isApiError(error, 404)) return false;
    throw error;
  }
}

/** Plural names by kind; none where the cluster does not know the API any more. */
async function readPlurals(config: KubeConfig, apiVersion: string): Promise<ReadonlyMap<string, string>> {
  try {
    const { resources } = await requestJson<{ resources: { kind: string; name: string }[] }>(
      config,
      "GET",
      baseOf(apiVersion),
    );
    return new Map(resources.filter(({ name }) => !name.includes("/")).map(({ kind, name }) => [kind, name]));
  } catch (error) {
    if (isApiError(error, 404)) return new Map();
    throw error;
  }
}

function baseOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
