import type { KubeConfig, V1Pod, V1PodCondition, V1PodStatus } from "@kubernetes/client-node";
import { isApiError, request } from "../../adapters/kubernetes/request.ts";
import type { PodRecord } from "./podRecord.ts";
import { podStatus, type Waiting } from "./podStatus.ts";

/** Publishes the status of one pod, only when it differs from what was published before. */
export class PodStatusPublisher {
  readonly #config: KubeConfig;
  readonly #hostIP: string;
  #published: V1PodStatus | undefined;

  /** `config`: the node's identity; `hostIP`: its InternalIP. */
  constructor(config: KubeConfig, hostIP: string) {
    this.#config = config;
    this.#hostIP = hostIP;
  }

  /** Throws for everything but a pod that is gone or has been replaced. */
  async publish(pod: V1Pod, record: PodRecord, waiting: ReadonlyMap<string, Waiting>): Promise<void> {
    const status = podStatus(pod, record, {
      hostIP: this.#hostIP,
      waiting,
      now: Date.now(),
      previous: this.#published?.conditions ?? pod.status?.conditions ?? [],
    });
    if (JSON.stringify(status) === JSON.stringify(this.#published)) return;
    const path = `/api/v1/namespaces/${record.namespace}/pods/${record.name}/status`;
    try {
      await request(this.#config, "PATCH", path, {
        // Merges conditions by type, so that those of others stay. The uid guards a successor of the same name.
        contentType: "application/strategic-merge-patch+json",
        body: { metadata: { uid: record.uid }, status: { ...status, conditions: withoutLeftovers(status.conditions) } },
      });
      this.#published = status;
    } catch (error) {
      if (!isApiError(error, 404) && !isApiError(error, 409) && !isApiError(error, 422)) throw error;
    }
  }
}

/** Merging keeps what a patch does not name: a condition that became true says so about its old reason and message. */
function withoutLeftovers(conditions: readonly V1PodCondition[] | undefined): object[] {
  return (conditions ?? []).map((condition) => ({ reason: null, message: null, ...condition }));
}
