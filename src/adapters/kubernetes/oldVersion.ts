import type { KubeConfig } from "@kubernetes/client-node";
import type { Readiness } from "../../domain/judgement/warmup.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { requestJson } from "./request.ts";

const serviceLabel = "serving.kserve.io/inferenceservice";

/** How many pods of an InferenceService answer; pods that are about to go are not counted. */
export async function readyPods(config: KubeConfig, namespace: string, service: string): Promise<number> {
  return readyOf(await podsOf(config, namespace, `${serviceLabel}=${service}`));
}

/** How many pods of an InferenceService answer, and since when each of its pods is ready, recorders' among them. */
export async function readiness(config: KubeConfig, namespace: string, service: string): Promise<Readiness> {
  const pods = await podsOf(config, namespace, `${serviceLabel}=${service}`);
  const since = pods.filter(isReady).flatMap(({ status }) => {
    const changed = status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime;
    return changed === undefined ? [] : [new Date(changed).getTime() / 1000];
  });
  return { pods: readyOf(pods), since };
}

/** How many pods answer, by InferenceService. */
export async function readyPodsOfAll(config: KubeConfig, namespace: string): Promise<Map<string, number>> {
  const pods = await podsOf(config, namespace, serviceLabel);
  const byService = Map.groupBy(pods, ({ metadata }) => metadata?.labels?.[serviceLabel] ?? "");
  return new Map([...byService].map(([service, own]) => [service, readyOf(own)]));
}

async function podsOf(config: KubeConfig, namespace: string, labelSelector: string): Promise<readonly ObservedPod[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const { items } = await requestJson<{ items: readonly ObservedPod[] }>(config, "GET", path, {
    query: { labelSelector },
  });
  return items;
}

function readyOf(pods: readonly ObservedPod[]): number {
  const ready = (component: string): number | undefined => {
    const own = pods.filter(({ metadata }) => metadata?.labels?.component === component);
    return own.length === 0 ? undefined : own.filter(isReady).length;
  };
  // Of a recorded version, requests reach a recorder first.
  return ready("transformer") === 0 ? 0 : (ready("predictor") ?? 0);
}

function isReady({ metadata, status }: ObservedPod): boolean {
  return (
    metadata?.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true
  );
}
