import type { KubernetesObject, V1PodStatus } from "@kubernetes/client-node";
import { addresses } from "../network/addresses.ts";
import type { NodeContext } from "../node/nodeContext.ts";
import type { PodLink } from "../node/podLink.ts";
import { newPodRecord, type PodRecord } from "../node/podRecord.ts";
import { podStatus } from "../node/podStatus.ts";
import { PodWorker } from "../node/podWorker.ts";
import type { TrialPlace } from "./place.ts";
import type { TrialEvent, TrialSpec } from "./spec.ts";

/** The pods of a trial: a node of a cluster that has no API server. */
export class TrialPods {
  readonly #workers: readonly PodWorker[];

  constructor(place: TrialPlace, spec: TrialSpec, say: (event: TrialEvent) => void) {
    const objects = new Map(Object.entries(spec.objects));
    const context: Omit<NodeContext, "link"> = {
      images: place.images,
      // Its pods mount nothing of the host.
      hostVolumes: `${place.folder}/volumes`,
      address: addresses.host,
      allocatable: {},
      objects: { get: async <T extends KubernetesObject>(path: string) => objects.get(path) as T | undefined },
      // Every image was found before the trial began.
      want: () => {},
      // Somebody waits for the answer to the next request.
      restartsAtOnce: true,
      shim: spec.shim,
      podsFolder: place.pods,
      allocateAddress: () => Promise.reject(new Error("addresses of a trial's pods are given")),
      releaseAddress: () => {},
      log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
    };
    this.#workers = spec.pods.map((each, index) => {
      const node = { ...context, link: () => linkOf(index, say) };
      return new PodWorker(node, newPodRecord(each.pod, each.address), each.pod);
    });
  }

  /** Ends every container; nothing of the pods is left then. */
  async end(): Promise<void> {
    for (const worker of this.#workers) worker.update(undefined);
    await Promise.all(this.#workers.map(({ done }) => done));
  }
}

/** Says how a pod stands whenever that has changed. */
function linkOf(index: number, say: (event: TrialEvent) => void): PodLink {
  let said: V1PodStatus | undefined;
  let text = "";
  const readiness = new Readiness();
  return {
    tokens: { token: () => Promise.reject(new Error("a trial has no service accounts")) },
    async publish(pod, record, waiting) {
      const now = Date.now();
      const status = podStatus(pod, record, {
        hostIP: addresses.host,
        waiting,
        now,
        previous: said?.conditions ?? [],
      });
      const readyAfterMs = readiness.see(record, now);
      const fresh = JSON.stringify([status, readyAfterMs]);
      if (fresh === text) return;
      [said, text] = [status, fresh];
      say({ kind: "pod", index, status, readyAfterMs });
    },
    gone: async () => {},
  };
}

/** Of the run that is under way, how long it took until it was ready. */
class Readiness {
  #runs = 0;
  #afterMs: number | null = null;

  see({ containers }: PodRecord, now: number): number | null {
    const [container] = Object.values(containers);
    if (!container) return null;
    if (container.runs !== this.#runs) [this.#runs, this.#afterMs] = [container.runs, null];
    if (container.ready) this.#afterMs ??= now - Date.parse(container.startedAt ?? "");
    return this.#afterMs;
  }
}
