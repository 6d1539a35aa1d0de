import type { KubeConfig, KubernetesObject, V1EndpointSlice, V1Pod } from "@kubernetes/client-node";
import { reflect } from "../../../src/adapters/kubernetes/reflector.ts";
import { isReady } from "../../../src/domain/serving/pods.ts";
import { stopAnnotation } from "../../../src/domain/serving/servedModel.ts";

/** What a start comes to, in this order. */
export const stages = ["told", "Deployment", "pod", "node", "container", "started", "ready", "endpoint"] as const;

export type Stage = (typeof stages)[number];

/** Follows a model's objects, and says when each stage of its start was first seen since {@link Stages.begin}. */
export class Stages {
  #seen = new Map<Stage, number>();
  readonly #ending = new AbortController();

  constructor(config: KubeConfig, name: string) {
    const see = (stage: Stage, isSeen: boolean): void => {
      if (isSeen && !this.#seen.has(stage)) this.#seen.set(stage, performance.now());
    };
    const follow = <T extends KubernetesObject>(path: string, take: (objects: readonly T[]) => void): void => {
      const { signal } = this.#ending;
      void reflect<T>({
        config,
        path,
        signal,
        onChange: (objects) => take([...objects.values()].filter(({ metadata }) => metadata?.name?.startsWith(name))),
      });
    };
    follow("/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices", (services) => {
      see(
        "told",
        services.some(({ metadata }) => metadata?.annotations?.[stopAnnotation] === "false"),
      );
    });
    follow("/apis/apps/v1/namespaces/models/deployments", (all) => see("Deployment", all.length > 0));
    follow<V1Pod>("/api/v1/namespaces/models/pods", (all) => {
      const pods = all.filter(({ metadata }) => !metadata?.deletionTimestamp);
      const containers = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
      see("pod", pods.length > 0);
      see(
        "node",
        pods.some(({ spec }) => spec?.nodeName),
      );
      see(
        "container",
        containers.some(({ state }) => state?.running),
      );
      see(
        "started",
        containers.some(({ started }) => started),
      );
      see("ready", pods.some(isReady));
    });
    follow<V1EndpointSlice>("/apis/discovery.k8s.io/v1/namespaces/models/endpointslices", (slices) => {
      const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
      see(
        "endpoint",
        endpoints.some(({ conditions }) => conditions?.ready),
      );
    });
  }

  /** Forgets what it has seen. */
  begin(): void {
    this.#seen = new Map();
  }

  /** Milliseconds after `begun` of each stage that was seen. */
  since(begun: number): Partial<Record<Stage, number>> {
    return Object.fromEntries([...this.#seen].map(([stage, at]) => [stage, at - begun]));
  }

  close(): void {
    this.#ending.abort();
  }
}
