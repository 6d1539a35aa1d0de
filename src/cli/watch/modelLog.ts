import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { V1PodList } from "@kubernetes/client-node";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { request, requestJson } from "../../adapters/kubernetes/request.ts";

export interface FollowedModel {
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Name of its InferenceService. */
  readonly service: string;
}

/** Between two looks for the model's pod, in milliseconds. */
const betweenMs = 500;

/**
 * Follows what a model's pod logs from now on, and what the pods that replace it log, until `signal` aborts. Never throws: a watch
 * goes on without the log.
 */
export async function followModel(
  model: FollowedModel,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const config = kubeConfigOf(model.kubeconfig);
  const pods = `/api/v1/namespaces/${model.namespace}/pods`;
  let isFirst = true;
  let since = new Date().toISOString();
  while (!signal.aborted) {
    try {
      const list = await requestJson<V1PodList>(config, "GET", pods, {
        query: { labelSelector: `serving.kserve.io/inferenceservice=${model.service}` },
        signal,
      });
      const pod = list.items.find(
        ({ metadata, status }) => !metadata?.deletionTimestamp && status?.phase === "Running",
      );
      const name = pod?.metadata?.name;
      if (name !== undefined) {
        const begins = isFirst ? { tailLines: 0 } : { sinceTime: since };
        isFirst = false;
        const query = { container: pod?.spec?.containers[0]?.name ?? "", follow: true, ...begins };
        const { body } = await request(config, "GET", `${pods}/${name}/log`, { query, signal });
        if (body) for await (const line of createInterface({ input: Readable.fromWeb(body) })) onLine(line);
      }
    } catch {
      // The pod is being replaced, or the API server is; the next look tells.
    }
    since = new Date().toISOString();
    await delay(betweenMs, undefined, { signal }).catch(() => {});
  }
}
