import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig, V1Namespace, V1Pod } from "@kubernetes/client-node";
import { applyObjects } from "../../../adapters/kubernetes/apply.ts";
import { isApiError, readIfThere, request, requestJson } from "../../../adapters/kubernetes/request.ts";
import { processIdentity } from "../../../adapters/processes/identity.mjs";
import { conditionOf } from "../../../domain/serving/pods.ts";
import {
  type ClusterPlace,
  keeperPod,
  keeperRights,
  leaseObject,
  leaseSeconds,
  modelSelector,
  namespaceObject,
  trialNamespaceOf,
} from "../../../domain/trial/clusterObjects.ts";
import { socketOf, type TrialPlace } from "../place.ts";
import { removeTrial } from "../remove.ts";
import type { PodRunner } from "../runningTrial.ts";
import type { TrialEvent } from "../spec.ts";
import { openProxySocket } from "./proxySockets.ts";

const manager = "menagerie-try";
const lookEveryMs = 1_000;
const renewEveryMs = (leaseSeconds * 1000) / 6;
const goneWithinMs = 180_000;
const countedWithinMs = 60_000;

export interface ClusterTarget {
  readonly config: KubeConfig;
  readonly place: ClusterPlace;
  /** Folder of this machine for the sockets. */
  readonly here: TrialPlace;
  /** Such as `ada@laptop`. */
  readonly owner: string;
  readonly deadline: Date;
}

/** The pods of a trial in a namespace of a cluster, which lives as long as its owner renews a lease. */
export class ClusterPods implements PodRunner {
  readonly #target: ClusterTarget;
  readonly #listeners = new Set<(event: TrialEvent) => void>();
  readonly #sockets: Server[] = [];
  readonly #stopped = new AbortController();
  readonly #end = Promise.withResolvers<string>();
  #pods: readonly V1Pod[] = [];

  private constructor(target: ClusterTarget) {
    this.#target = target;
  }

  get ended(): Promise<string> {
    return this.#end.promise;
  }

  /** Makes the namespace, and what deletes it when this process is gone. @param image - one that has a Python */
  static async begin(target: ClusterTarget, image: string): Promise<ClusterPods> {
    const pods = new ClusterPods(target);
    const { config, place, here, owner, deadline } = target;
    const script = await readFile(join(import.meta.dirname, "keeper.py"), "utf8");
    await mkdir(here.sockets, { recursive: true, mode: 0o700 });
    await writeFile(here.ownerFile, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }));
    const namespace = await requestJson<V1Namespace>(config, "POST", "/api/v1/namespaces", {
      body: namespaceObject(place.id, owner, deadline),
    });
    try {
      await applyObjects(config, keeperRights(place.id, namespace.metadata?.uid ?? ""), manager);
      await pods.#renew();
      const seconds = (deadline.getTime() - Date.now()) / 1000;
      await applyObjects(config, [keeperPod(place, image, script, seconds)], manager);
    } catch (error) {
      await pods.end();
      throw error;
    }
    void pods.#keepRenewing();
    return pods;
  }

  /** Makes objects, then pods, one for each model in its order. */
  async run(objects: readonly object[], pods: readonly V1Pod[]): Promise<void> {
    const { config, place, here } = this.#target;
    this.#pods = pods;
    const namespace = trialNamespaceOf(place.id);
    await applyObjects(config, [...objects], manager);
    for (const [index, { metadata }] of pods.entries()) {
      const socket = join(here.sockets, socketOf(index));
      this.#sockets.push(await openProxySocket(socket, { config, namespace, name: metadata?.name ?? "" }));
    }
    await onceCounted(() => applyObjects(config, [...pods], manager));
    void this.#look();
  }

  socketPath(index: number): string {
    return join(this.#target.here.sockets, socketOf(index));
  }

  async log(index: number, lines: number, bytes: number): Promise<string> {
    const name = this.#pods[index]?.metadata?.name ?? "";
    const path = `/api/v1/namespaces/${trialNamespaceOf(this.#target.place.id)}/pods/${name}/log`;
    const read = async (previous: boolean): Promise<string> => {
      const query = { previous, tailLines: Math.min(lines, 100_000) };
      const answer = await request(this.#target.config, "GET", path, { query }).catch(() => undefined);
      return (await answer?.text()) ?? "";
    };
    const text = (await read(true)) + (await read(false));
    const last = text.trimEnd().split("\n").slice(-lines).join("\n");
    return last === "" ? "" : `${Buffer.from(last).subarray(-bytes).toString()}\n`;
  }

  onEvent(listener: (event: TrialEvent) => void): void {
    this.#listeners.add(listener);
  }

  async end(): Promise<void> {
    const { config, place, here } = this.#target;
    this.#stopped.abort();
    for (const server of this.#sockets) {
      server.close();
      server.closeAllConnections();
    }
    const path = `/api/v1/namespaces/${trialNamespaceOf(place.id)}`;
    await request(config, "DELETE", path).catch((error: unknown) => {
      if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
    });
    const until = Date.now() + goneWithinMs;
    while ((await readIfThere(config, path)) !== undefined && Date.now() < until) await delay(lookEveryMs);
    await removeTrial(here);
    this.#end.resolve("it was ended");
  }

  async #keepRenewing(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await pause(renewEveryMs, this.#stopped.signal);
      // Tried again in a moment: a lease bears some failures.
      await this.#renew().catch(() => {});
    }
  }

  async #renew(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const { config, place, owner } = this.#target;
    await applyObjects(config, [leaseObject(place.id, owner, new Date())], manager);
  }

  /** Tells how the pods stand, until the trial ends or its namespace is gone. */
  async #look(): Promise<void> {
    const { config, place } = this.#target;
    const namespace = `/api/v1/namespaces/${trialNamespaceOf(place.id)}`;
    let told = "";
    while (!this.#stopped.signal.aborted) {
      const list = await requestJson<{ items: V1Pod[] }>(config, "GET", `${namespace}/pods`, {
        query: { labelSelector: modelSelector },
      }).catch(() => undefined);
      if (list) {
        const text = JSON.stringify(list.items.map(({ status }) => status));
        if (text !== told) for (const pod of list.items) this.#tell(pod);
        told = text;
        if (list.items.length === 0 && (await isGoing(config, namespace))) {
          this.#end.resolve("its namespace was deleted");
          return;
        }
      }
      await pause(lookEveryMs, this.#stopped.signal);
    }
  }

  #tell({ metadata, status = {} }: V1Pod): void {
    const index = this.#pods.findIndex((pod) => pod.metadata?.name === metadata?.name);
    if (index < 0) return;
    for (const listener of this.#listeners) {
      listener({ kind: "pod", index, status, readyAfterMs: readyAfterMs(status) });
    }
  }
}

/** From the start of the container until the pod was ready, to the second. */
function readyAfterMs({ conditions, containerStatuses }: NonNullable<V1Pod["status"]>): number | null {
  const ready = conditionOf(conditions as Parameters<typeof conditionOf>[0], "Ready");
  const startedAt = containerStatuses?.[0]?.state?.running?.startedAt;
  if (ready?.status !== "True" || !startedAt) return null;
  return Math.max(0, new Date(ready.lastTransitionTime ?? 0).getTime() - new Date(startedAt).getTime());
}

/** A quota that was just made refuses everything until its controller has counted what is there. */
async function onceCounted(work: () => Promise<void>): Promise<void> {
  const until = Date.now() + countedWithinMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isUncounted = isApiError(error, 403) && error.message.includes("status unknown for quota");
      if (!isUncounted || Date.now() > until) throw error;
      await delay(250);
    }
  }
}

async function isGoing(config: KubeConfig, path: string): Promise<boolean> {
  const namespace = await readIfThere<V1Namespace>(config, path).catch(() => null);
  return namespace === undefined || namespace?.metadata?.deletionTimestamp !== undefined;
}

/** Shorter where `signal` says so. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}
