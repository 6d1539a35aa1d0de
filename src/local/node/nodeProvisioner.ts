import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig, V1Node, V1Pod } from "@kubernetes/client-node";
import { reflect } from "../../adapters/kubernetes/reflector.ts";
import { isApiError, readIfThere, request, requestJson } from "../../adapters/kubernetes/request.ts";
import { messageOf } from "../../domain/errors.ts";
import { NodeAgent, type NodeAgentOptions } from "./nodeAgent.ts";
import { nodeCorrection, nodeObject, type PlannedNode } from "./nodeObject.ts";
import { adoptedNodes, type LocalNodeClass, type NodePool, plannedNodes } from "./nodePlan.ts";

const convergeEvery = 30_000;
/** Longest grace period of pods on a node that is no longer declared. */
const drainSeconds = 8;

/**
 * Plays Karpenter's role for LocalNodeClass: keeps one {@link NodeAgent} and one Node object for every node that the
 * NodePools declare, and the CPU node. Nodes that are no longer declared are drained at once and deleted. Nodes that Karpenter's own
 * controller makes by its kwok provider get an agent each, for as long as Karpenter has them.
 */
export class NodeProvisioner {
  readonly #config: KubeConfig;
  readonly #options: NodeAgentOptions;
  readonly #abort = new AbortController();
  readonly #agents = new Map<string, { readonly agent: NodeAgent; readonly plan: string }>();
  #pools: ReadonlyMap<string, NodePool> | undefined;
  #classes: ReadonlyMap<string, LocalNodeClass> | undefined;
  #running: Promise<void> = Promise.resolve();
  #queued = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: KubeConfig, options: NodeAgentOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** The nodes that run. */
  get nodes(): Iterable<NodeAgent> {
    return [...this.#agents.values()].map(({ agent }) => agent);
  }

  /** Starts the nodes and answers when the CPU node has taken up its pods. */
  async start(): Promise<void> {
    await this.#converge();
    while (!this.#agents.has("cpu-0") && !this.#abort.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await this.#converge();
    }
    this.#watch<NodePool>("/apis/karpenter.sh/v1/nodepools", (pools) => {
      this.#pools = pools;
      return true;
    });
    this.#watch<LocalNodeClass>("/apis/local.menagerie.dev/v1alpha1/localnodeclasses", (classes) => {
      this.#classes = new Map([...classes.values()].map((each) => [each.metadata?.name ?? "", each]));
      return true;
    });
    let adopted = "";
    this.#watch<V1Node>("/api/v1/nodes", (nodes) => {
      const now = JSON.stringify(adoptedNodes(nodes.values()));
      const differs = now !== adopted;
      adopted = now;
      return differs;
    });
    // Puts back a Node that somebody deleted.
    this.#timer = setInterval(() => this.#schedule(), convergeEvery);
    await this.#agents.get("cpu-0")?.agent.listed;
  }

  /** Stops watching and leaves all pods running. */
  detach(): Promise<void> {
    return this.#end((agent) => agent.detach());
  }

  /** Ends all pods' processes within `grace` milliseconds. */
  shutDown(grace: number): Promise<void> {
    return this.#end((agent) => agent.shutDown(grace));
  }

  async #end(action: (agent: NodeAgent) => Promise<void>): Promise<void> {
    this.#abort.abort();
    clearInterval(this.#timer);
    await this.#running;
    await Promise.all([...this.#agents.values()].map(({ agent }) => action(agent)));
  }

  /** @param take answers whether something may have to be done about it. */
  #watch<T extends object>(path: string, take: (objects: ReadonlyMap<string, T>) => boolean): void {
    let complained = false;
    void reflect<T>({
      config: this.#config,
      path,
      signal: this.#abort.signal,
      onError: (error) => {
        // Its CRD may come later, or just now (429); until then there is nothing to watch.
        if (isApiError(error, 404) || isApiError(error, 429) || complained) return;
        complained = true;
        this.#options.log(`${path}: ${messageOf(error)}`);
      },
      onChange: (objects) => {
        complained = false;
        if (take(new Map(objects))) this.#schedule();
      },
    });
  }

  #schedule(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#running = this.#running.then(() => {
      this.#queued = false;
      return this.#converge();
    });
  }

  async #converge(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    try {
      const known = this.#pools !== undefined && this.#classes !== undefined;
      const pools = known ? [...(this.#pools?.values() ?? [])] : [];
      const planned = plannedNodes(pools, this.#classes ?? new Map(), this.#options.machine);
      for (const node of planned) await this.#ensure(node);
      const { items } = await requestJson<{ items: V1Node[] }>(this.#config, "GET", "/api/v1/nodes");
      const adopted = adoptedNodes(items);
      for (const node of adopted) await this.#run(node);
      // A list that could not be read yet must not be taken for an empty one.
      if (known) await this.#removeOthers(items, new Set([...planned, ...adopted].map(({ name }) => name)));
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#options.log(`nodes: ${messageOf(error)}`);
    }
  }

  async #ensure(node: PlannedNode): Promise<void> {
    const path = `/api/v1/nodes/${node.name}`;
    let created = false;
    const existing = await readIfThere<V1Node>(this.#config, path);
    if (!existing) {
      await request(this.#config, "POST", "/api/v1/nodes", { body: nodeObject(node) });
      created = true;
    } else {
      const correction = nodeCorrection(existing, node);
      if (correction) {
        await request(this.#config, "PATCH", path, { body: correction, contentType: "application/merge-patch+json" });
      }
    }
    const running = await this.#run(node);
    if (created) await running?.refresh();
  }

  /** Has an agent for a node whose object exists, and answers the one that was there already. */
  async #run(node: PlannedNode): Promise<NodeAgent | undefined> {
    const plan = JSON.stringify(node);
    const running = this.#agents.get(node.name);
    if (running?.plan === plan) return running.agent;
    // Other capacity: the same pods under a new agent.
    await running?.agent.detach();
    const agent = await NodeAgent.start(node, this.#options);
    this.#agents.set(node.name, { agent, plan });
    if (!running) this.#options.log(`${node.name}: working`);
    return undefined;
  }

  async #removeOthers(nodes: readonly V1Node[], planned: ReadonlySet<string>): Promise<void> {
    const names = new Set([...this.#agents.keys(), ...nodes.map(({ metadata }) => metadata?.name ?? "")]);
    for (const name of names) {
      if (planned.has(name)) continue;
      const running = this.#agents.get(name);
      const path = `/api/v1/nodes/${name}`;
      // Cordoned first, or the pods' successors come back here.
      await request(this.#config, "PATCH", path, {
        body: { spec: { unschedulable: true } },
        contentType: "application/merge-patch+json",
      }).catch(ignoreMissing);
      await this.#deletePods(name, drainSeconds);
      await running?.agent.drained((drainSeconds + 2) * 1000);
      this.#agents.delete(name);
      await running?.agent.remove();
      await request(this.#config, "DELETE", path).catch(ignoreMissing);
      await this.#deletePods(name, 0);
      await rm(join(this.#options.layout.nodes, name), { recursive: true, force: true });
      this.#options.log(`${name}: removed`);
    }
  }

  async #deletePods(node: string, gracePeriodSeconds: number): Promise<void> {
    const query = { fieldSelector: `spec.nodeName=${node}` };
    const pods = await requestJson<{ items: V1Pod[] }>(this.#config, "GET", "/api/v1/pods", { query });
    for (const { metadata } of pods.items) {
      const path = `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}`;
      const body = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds };
      await request(this.#config, "DELETE", path, { body }).catch(ignoreMissing);
    }
  }
}

function ignoreMissing(error: unknown): void {
  if (!isApiError(error, 404)) throw error;
}
