import type { KubeConfig, V1Pod } from "@kubernetes/client-node";
import { isApiError, request } from "../../adapters/kubernetes/request.ts";
import type { PodRecord } from "./podRecord.ts";
import type { Waiting } from "./podStatus.ts";
import { PodStatusPublisher } from "./podStatusPublisher.ts";
import { ServiceAccountTokens } from "./serviceAccountTokens.ts";

/** What a pod's worker asks of, and tells to, whoever has the pod's object. */
export interface PodLink {
  readonly tokens: Pick<ServiceAccountTokens, "token">;
  /** Called after each look at the pod; where nothing has changed it does nothing. */
  publish(pod: V1Pod, record: PodRecord, waiting: ReadonlyMap<string, Waiting>): Promise<void>;
  /** Nothing of the pod is on the node any more. */
  gone(record: PodRecord): Promise<void>;
}

/**
 * The API server, with the node's identity.
 * @param hostIP - InternalIP of the node
 */
export function apiServerLink(config: KubeConfig, hostIP: string): PodLink {
  const publisher = new PodStatusPublisher(config, hostIP);
  return {
    tokens: new ServiceAccountTokens(config),
    publish: (pod, record, waiting) => publisher.publish(pod, record, waiting),
    async gone({ namespace, name, uid }) {
      await request(config, "DELETE", `/api/v1/namespaces/${namespace}/pods/${name}`, {
        body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0, preconditions: { uid } },
      }).catch((error: unknown) => {
        if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
      });
    },
  };
}
