import type { KubeConfig } from "@kubernetes/client-node";
import type { StateResource } from "../../domain/engineState.ts";
import { type ObjectName, objectPaths } from "./objectPaths.ts";
import { isApiError, request } from "./request.ts";

/** Those of a stack's Kubernetes objects that the cluster does not hold, such as after a person deleted their namespace. */
export async function missingObjects(
  config: KubeConfig,
  resources: readonly StateResource[],
): Promise<StateResource[]> {
  const pathOf = objectPaths(config);
  const judged = await Promise.all(
    resources.map(async (resource) => {
      const object = objectOf(resource);
      return object !== undefined && !(await isThere(config, await pathOf(object))) ? [resource] : [];
    }),
  );
  return judged.flat();
}

/** Of a patch, the object that it changes: whoever made it, the patch went with it. */
function objectOf({ type, outputs, delete: replaced }: StateResource): ObjectName | undefined {
  if (!type.startsWith("kubernetes:") || replaced) return undefined;
  const { apiVersion, kind, metadata } = (outputs ?? {}) as {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly metadata?: { readonly name: string; readonly namespace?: string };
  };
  return apiVersion && kind && metadata?.name ? { apiVersion, kind, ...metadata } : undefined;
}

async function isThere(config: KubeConfig, path: string | undefined): Promise<boolean> {
  if (path === undefined) return false;
  try {
    await (await request(config, "GET", path)).body?.cancel();
    return true;
  } catch (error) {
    if (isApiError(error, 404)) return false;
    throw error;
  }
}
