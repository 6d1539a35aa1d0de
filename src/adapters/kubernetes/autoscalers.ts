import { autoscalerClassAnnotation } from "../../domain/serving/autoscaling.ts";
import { isApiError, readIfThere, request } from "./request.ts";
import type { ModelAddress } from "./workloads.ts";

interface Listed {
  readonly metadata: { readonly name: string; readonly ownerReferences?: readonly { readonly kind: string }[] };
}

/** What KServe makes of each class of autoscaler, with the labels of the InferenceService. */
const collections = {
  hpa: (namespace: string) => `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`,
  keda: (namespace: string) => `/apis/keda.sh/v1alpha1/namespaces/${namespace}/scaledobjects`,
} as const;

/**
 * Deletes the autoscalers of an InferenceService that its class does not name any more, and answers their names. KServe (0.20,
 * `autoscaler_reconciler.go`) takes care of that of the present class alone: two would set the number of pods in turns, and KEDA's webhook
 * refuses a ScaledObject for what an HPA scales. Call it once KServe has taken up the new class.
 */
export async function removeOtherAutoscalers(
  { config, namespace, name }: Omit<ModelAddress, "component">,
  signal: AbortSignal,
): Promise<string[]> {
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`;
  const found = await readIfThere<{ metadata: { annotations?: Record<string, string> } }>(config, path, { signal });
  if (!found) return [];
  const present = found.metadata.annotations?.[autoscalerClassAnnotation] ?? "hpa";
  const query = { labelSelector: `serving.kserve.io/inferenceservice=${name}` };
  const removed: string[] = [];
  for (const [kind, collectionOf] of Object.entries(collections)) {
    if (kind === present) continue;
    const collection = collectionOf(namespace);
    const listed = await readIfThere<{ items: Listed[] }>(config, collection, { query, signal }).catch(
      (error: unknown) => {
        // Who deploys may have no rights on what this cluster does not use.
        if (isApiError(error, 403)) return undefined;
        throw error;
      },
    );
    // KEDA gives its own HPA the labels of the ScaledObject.
    const own = (listed?.items ?? []).filter(({ metadata }) =>
      metadata.ownerReferences?.some((owner) => owner.kind === "InferenceService"),
    );
    for (const { metadata } of own) {
      try {
        const response = await request(config, "DELETE", `${collection}/${metadata.name}`, { signal });
        await response.body?.cancel();
        removed.push(metadata.name);
      } catch (error) {
        if (!isApiError(error, 404)) throw error;
      }
    }
  }
  return removed;
}
