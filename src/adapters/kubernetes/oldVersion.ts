import type { KubeConfig } from "@kubernetes/client-node";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { requestJson } from "./request.ts";

/** How many pods of an InferenceService answer; pods that are about to go are not counted. */
export async function readyPods(config: KubeConfig, namespace: string, service: string): Promise<number> {
  const query = { labelSelector: `serving.kserve.io/inferenceservice=${service}` };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const { items } = await requestJson<{ items: readonly ObservedPod[] }>(config, "GET", path, { query });
  const readyOf = (component: string): number | undefined => {
    const own = items.filter(({ metadata }) => metadata?.labels?.component === component);
    return own.length === 0 ? undefined : own.filter(isReady).length;
  };
  // Of a recorded version, requests reach a recorder first.
  return readyOf("transformer") === 0 ? 0 : (readyOf("predictor") ?? 0);
}

function isReady({ metadata, status }: ObservedPod): boolean {
  return (
    metadata?.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true
  );
}
