import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import type { PushedServices } from "../../domain/serving/pushedServices.ts";
import { annotations } from "../../domain/serving/servedModel.ts";
import { isApiError, readIfThere, request } from "./request.ts";

interface Found {
  readonly metadata: {
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Between two looks at a service that is being deleted, in milliseconds. */
const lookAgain = 500;

/**
 * Replaces services by check-and-set: what is deleted is the very object that was seen (its uid), and what is made is made
 * only where there is none. Two replicas that work at once so end with the service of the later deployment.
 */
export function pushedServices(config: KubeConfig): PushedServices {
  const collectionOf = (namespace: string) =>
    `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;
  return {
    async remove(name, namespace) {
      const path = `${collectionOf(namespace)}/${name}`;
      const found = await readIfThere<Found>(config, path);
      // Only what carries out a push is deleted, whatever the name says.
      if (found?.metadata.annotations?.[annotations.deployment]) await deleted(config, path, found.metadata.uid);
    },
    async replace(manifest, signal) {
      const { name, namespace } = manifest.metadata;
      const collection = collectionOf(namespace);
      const own = deploymentOf(manifest);
      for (;;) {
        signal.throwIfAborted();
        const found = await readIfThere<Found>(config, `${collection}/${name}`);
        if (!found) {
          if (await created(config, collection, manifest)) return "made";
          continue;
        }
        const { uid, deletionTimestamp } = found.metadata;
        if (deploymentOf(found) > own) return "superseded";
        if (deploymentOf(found) === own && !deletionTimestamp) return "made";
        if (!deletionTimestamp) await deleted(config, `${collection}/${name}`, uid);
        await delay(lookAgain, undefined, { signal });
      }
    },
  };
}

function deploymentOf({
  metadata,
}: {
  readonly metadata: { readonly annotations?: Found["metadata"]["annotations"] };
}) {
  return BigInt(metadata.annotations?.[annotations.deployment] ?? "0");
}

/** False where another one was made first. */
async function created(config: KubeConfig, collection: string, manifest: object): Promise<boolean> {
  try {
    await request(config, "POST", collection, { body: manifest, query: { fieldManager: "menagerie-api" } });
    return true;
  } catch (error) {
    if (isApiError(error, 409)) return false;
    throw error;
  }
}

/** In the foreground: the object stays until its pods are gone, so that there are never two. */
async function deleted(config: KubeConfig, path: string, uid: string): Promise<void> {
  try {
    await request(config, "DELETE", path, { body: { propagationPolicy: "Foreground", preconditions: { uid } } });
  } catch (error) {
    // Gone, or another one by now.
    if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
  }
}
