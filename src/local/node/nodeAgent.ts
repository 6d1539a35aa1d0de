import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig, V1Lease, V1Node, V1NodeCondition, V1Pod, V1Secret } from "@kubernetes/client-node";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { podLogins } from "../../adapters/kubernetes/pullSecrets.ts";
import { reflect } from "../../adapters/kubernetes/reflector.ts";
import { isApiError, request, requestJson } from "../../adapters/kubernetes/request.ts";
import { messageOf } from "../../domain/errors.ts";
import type { EnvironmentLayout } from "../layout.ts";
import { addresses } from "../network/addresses.ts";
import { issueKubeconfig, issueServingCertificate } from "../pki.ts";
import type { AddressAllocator } from "./addressAllocator.ts";
import { apiTime } from "./apiTime.ts";
import { ClusterObjects } from "./clusterObjects.ts";
import type { ImagePuller } from "./imagePuller.ts";
import { type KubeletServer, startKubeletServer } from "./kubeletServer.ts";
import type { NamedObjects, NodeContext } from "./nodeContext.ts";
import { type Machine, nodeStatus, type PlannedNode } from "./nodeObject.ts";
import { apiServerLink } from "./podLink.ts";
import { newPodRecord, readPodRecords } from "./podRecord.ts";
import { PodWorker } from "./podWorker.ts";
import { runCommand } from "./processes.ts";

const renewLeaseEvery = 10_000;
const renewStatusEvery = 60_000;
const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/** What a node needs of the process it runs in. */
export interface NodeAgentOptions {
  readonly layout: EnvironmentLayout;
  readonly machine: Machine;
  readonly allocator: AddressAllocator;
  readonly puller: ImagePuller;
  readonly shim: string;
  readonly log: (line: string) => void;
}

/** One node: publishes its status and lease, and has a {@link PodWorker} for each pod that is bound to it. */
export class NodeAgent {
  readonly #node: PlannedNode;
  readonly #options: NodeAgentOptions;
  readonly #context: NodeContext;
  readonly #config: KubeConfig;
  readonly #abort = new AbortController();
  readonly #workers = new Map<string, PodWorker>();
  readonly #starting = new Set<string>();
  /** Pods as last listed, by uid. */
  #pods: ReadonlyMap<string, V1Pod> = new Map();
  #server: KubeletServer | undefined;
  #conditions: readonly V1NodeCondition[] = [];
  #timers: NodeJS.Timeout[] = [];
  /** Settles once the first pod list has been taken up. */
  readonly listed: Promise<void>;
  #announceListed: () => void = () => {};

  /** @param config - the node's own identity */
  private constructor(node: PlannedNode, options: NodeAgentOptions, context: NodeContext, config: KubeConfig) {
    this.#node = node;
    this.#config = config;
    this.#options = options;
    this.#context = context;
    this.listed = new Promise((resolve) => {
      this.#announceListed = resolve;
    });
  }

  /** Starts the node, whose object must exist. Adopts the pods that its folder knows. */
  static async start(node: PlannedNode, options: NodeAgentOptions): Promise<NodeAgent> {
    const { layout, allocator } = options;
    const path = await issueKubeconfig(layout, {
      part: `node-${node.name}`,
      user: `system:node:${node.name}`,
      groups: ["system:nodes"],
    });
    const config = kubeConfigOf(path);
    const address = await allocator.nodeAddress(node.name);
    // An address that is there already (the node process came back) is what is wanted.
    await runCommand("ip", ["addr", "replace", `${address}/32`, "dev", addresses.bridge]);
    const objects = new ClusterObjects(config);
    const context: NodeContext = {
      images: layout.images,
      // Not the environment's folder itself, which holds its keys, passwords and etcd.
      hostVolumes: join(layout.root, "volumes"),
      address,
      allocatable: node.capacity,
      objects,
      want: (pod, reference) => options.puller.want(reference, pullLogins(pod, objects)),
      shim: options.shim,
      podsFolder: join(layout.nodes, node.name, "pods"),
      link: () => apiServerLink(config, address),
      allocateAddress: () => allocator.podAddress(),
      releaseAddress: (released) => allocator.releasePodAddress(released),
      log: (line) => options.log(`${node.name}: ${line}`),
    };
    await mkdir(context.podsFolder, { recursive: true, mode: 0o700 });
    const agent = new NodeAgent(node, options, context, config);
    await agent.#begin();
    return agent;
  }

  async #begin(): Promise<void> {
    const { layout } = this.#options;
    const { address } = this.#context;
    const { name } = this.#node;
    const files = await issueServingCertificate(layout, `node-${name}-serving`, [address, name]);
    this.#server = await startKubeletServer(address, files, this);
    const keep = (action: () => Promise<void>, every: number): void => {
      const run = (): void => {
        action().catch((error: unknown) => this.#context.log(messageOf(error)));
      };
      run();
      this.#timers.push(setInterval(run, every));
    };
    keep(() => this.#publishStatus(), renewStatusEvery);
    keep(() => this.#renewLease(), renewLeaseEvery);
    void this.#follow();
  }

  get name(): string {
    return this.#node.name;
  }

  /** Labels that it was declared with; those of a node that it adopted are Karpenter's. */
  get labels(): Readonly<Record<string, string>> {
    return this.#node.labels;
  }

  /** Pods with a worker here. */
  get workers(): Iterable<PodWorker> {
    return this.#workers.values();
  }

  /** Publishes the status again, for an object that was made anew. */
  async refresh(): Promise<void> {
    await Promise.all([this.#publishStatus(), this.#renewLease()]).catch((error: unknown) =>
      this.#context.log(messageOf(error)),
    );
  }

  /** Stops watching; pods go on. */
  async detach(): Promise<void> {
    await this.#halt();
    await Promise.all([...this.#workers.values()].map((worker) => worker.detach()));
  }

  /** Ends all processes within `grace` milliseconds; their pods are set up again at the next start. */
  async shutDown(grace: number): Promise<void> {
    await this.#halt();
    await Promise.all([...this.#workers.values()].map((worker) => worker.shutDown(grace)));
  }

  /** Answers when the node has no pods left, at the latest after `timeout` milliseconds. */
  async drained(timeout: number): Promise<void> {
    const deadline = Date.now() + timeout;
    while (this.#workers.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /** Ends all pods for good and gives back the node's address and lease: the node is no longer declared. */
  async remove(): Promise<void> {
    await this.#halt();
    for (const worker of this.#workers.values()) worker.update(undefined);
    await Promise.all([...this.#workers.values()].map((worker) => worker.done));
    await runCommand("ip", ["addr", "del", `${this.#context.address}/32`, "dev", addresses.bridge]);
    await this.#options.allocator.releaseNode(this.#node.name);
    await request(this.#config, "DELETE", `${leases}/${this.#node.name}`).catch((error: unknown) => {
      if (!isApiError(error, 404)) throw error;
    });
  }

  async #halt(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#server?.close();
  }

  async #follow(): Promise<void> {
    const records = await readPodRecords(this.#context.podsFolder);
    let first = true;
    await reflect<V1Pod>({
      config: this.#config,
      path: "/api/v1/pods",
      query: { fieldSelector: `spec.nodeName=${this.#node.name}` },
      signal: this.#abort.signal,
      onError: (error) => this.#context.log(`pods: ${messageOf(error)}`),
      onChange: (objects) => {
        this.#pods = new Map([...objects.values()].map((pod) => [pod.metadata?.uid ?? "", pod]));
        if (first) {
          first = false;
          for (const record of records) this.#begun(new PodWorker(this.#context, record, this.#pods.get(record.uid)));
        }
        this.#converge();
        this.#announceListed();
      },
    });
  }

  #converge(): void {
    for (const [uid, worker] of this.#workers) {
      const pod = this.#pods.get(uid);
      if (pod !== worker.pod) worker.update(pod);
    }
    for (const [uid, pod] of this.#pods) {
      if (this.#workers.has(uid) || this.#starting.has(uid)) continue;
      const finished = ["Succeeded", "Failed"].includes(pod.status?.phase ?? "");
      // One that ended long ago and whose folder is gone: nothing is left to do until it is deleted.
      if (finished && !pod.metadata?.deletionTimestamp) continue;
      this.#starting.add(uid);
      this.#context
        .allocateAddress()
        .then((address) => {
          if (this.#abort.signal.aborted) return;
          this.#begun(new PodWorker(this.#context, newPodRecord(pod, address), this.#pods.get(uid)));
        })
        .catch((error: unknown) => this.#context.log(messageOf(error)))
        .finally(() => this.#starting.delete(uid));
    }
  }

  #begun(worker: PodWorker): void {
    const { uid } = worker.record;
    this.#workers.set(uid, worker);
    void worker.done.then(() => {
      if (!this.#abort.signal.aborted) this.#workers.delete(uid);
    });
  }

  async #publishStatus(): Promise<void> {
    const { address } = this.#context;
    const config = this.#config;
    const { name } = this.#node;
    const status = nodeStatus(this.#node, this.#options.machine, address, apiTime(Date.now()), this.#conditions);
    const path = `/api/v1/nodes/${name}/status`;
    const body = { status };
    const contentType = "application/merge-patch+json";
    const node = await requestJson<V1Node>(config, "PATCH", path, { body, contentType });
    this.#conditions = node.status?.conditions ?? [];
  }

  async #renewLease(): Promise<void> {
    const config = this.#config;
    const { name } = this.#node;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: 40,
      renewTime: new Date().toISOString().replace("Z", "000Z"),
    };
    try {
      await request(config, "PATCH", `${leases}/${name}`, {
        body: { spec },
        contentType: "application/merge-patch+json",
      });
    } catch (error) {
      if (!isApiError(error, 404)) throw error;
      await requestJson<V1Lease>(config, "POST", leases, {
        body: { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name }, spec },
      });
    }
  }
}

/** Registry logins of the Secrets that a pod names; the API server adds those of its account. */
function pullLogins({ spec, metadata }: V1Pod, objects: NamedObjects) {
  const namespace = metadata?.namespace ?? "";
  const names = (spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [{ namespace, name }] : []));
  return podLogins(names, (path) => objects.get<V1Secret>(path));
}
