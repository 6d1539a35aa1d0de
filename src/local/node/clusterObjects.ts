import type { KubeConfig, KubernetesObject } from "@kubernetes/client-node";
import { readIfThere } from "../../adapters/kubernetes/request.ts";

const freshFor = 2_000;

/**
 * Named objects that pods of one node refer to, read with the node's identity and kept for two seconds: the node
 * authorizer lets a node get them one by one, but not list them, and several pods mount the same ones.
 */
export class ClusterObjects {
  readonly #config: KubeConfig;
  readonly #kept = new Map<string, { readonly at: number; readonly value: Promise<unknown> }>();

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /** The object at `path`, such as `/api/v1/namespaces/web/secrets/login`; undefined when there is none. */
  get<T extends KubernetesObject>(path: string): Promise<T | undefined> {
    const now = Date.now();
    const kept = this.#kept.get(path);
    if (kept && now - kept.at < freshFor) return kept.value as Promise<T | undefined>;
    for (const [key, { at }] of this.#kept) if (now - at > freshFor) this.#kept.delete(key);
    const value = readIfThere<T>(this.#config, path).catch((error: unknown) => {
      this.#kept.delete(path);
      throw error;
    });
    this.#kept.set(path, { at: now, value });
    return value;
  }
}
