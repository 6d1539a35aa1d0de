import type { VersionCluster, VersionPod } from "../../src/domain/development/ports.ts";
import type { ControlServer } from "../../src/domain/patch/ports.ts";
import type { SleepingService } from "../../src/domain/sleep/ports.ts";
import type { Containers } from "../../src/services/api/development/containers.ts";

/**
 * A cluster in memory: each version is a service and a pod whose control server keeps hash and files as the real one
 * does when nothing goes wrong. What goes wrong with the real one is tested with it, in `test/local`.
 */
export class MemoryCluster implements VersionCluster {
  readonly #services = new Map<string, SleepingService & { imageHash: string }>();
  /** Those of the zoo. */
  readonly #zoo = new Map<string, SleepingService>();
  readonly #pods = new Map<string, VersionPod>();
  readonly #controls = new Map<string, MemoryControl>();
  /** Where pods answer. */
  podUrl = "http://127.0.0.1:1";
  /** Whether new pods wait for patches before they are ready. */
  podsWait = false;
  #waiting: (() => void)[] = [];
  #made = 0;

  isListed = () => true;
  services = () => [...this.#services.values(), ...this.#zoo.values()];
  find = (name: string): SleepingService | undefined => this.#zoo.get(name) ?? this.#services.get(name.slice(1));
  pods = (name: string) => {
    const pod = this.#pods.get(this.find(name)?.versionId ?? "");
    return pod ? [pod.name] : [];
  };
  readyPods = (name: string, ignored: ReadonlySet<string>) => {
    if (this.#zoo.get(name)?.isStopped === false) return ["pod"];
    const pod = this.#pods.get(this.find(name)?.versionId ?? "");
    return pod?.isReady && !ignored.has(pod.name) ? [pod.name] : [];
  };
  hindrance = () => undefined;
  service = (versionId: string) => this.#services.get(versionId);
  pod = (versionId: string) => this.#pods.get(versionId);
  versions = () => [...this.#services.keys()];
  changed = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  logs = async () => [
    { at: 1000, nanoseconds: "1000000001", text: "first", pod: "pod" },
    { at: 2000, nanoseconds: "2000000002", text: "second", pod: "pod" },
  ];
  deletePod = async (name: string) => {
    for (const [id, pod] of this.#pods) if (pod.name === name) this.#start(id);
  };
  setStopped = async (name: string, isStopped: boolean) => {
    const ofZoo = this.#zoo.get(name);
    if (ofZoo) this.#zoo.set(name, { ...ofZoo, isStopped });
    for (const [id, service] of this.#services) {
      if (service.name !== name) continue;
      this.#services.set(id, { ...service, isStopped });
      if (isStopped) this.#pods.delete(id);
      else this.#start(id);
    }
    this.#tell();
  };

  readonly containers: Containers = {
    seen: new Map(),
    of: (pod) => {
      const control = this.#controls.get(pod.instance);
      if (!control) throw new Error(`there is no container ${pod.instance}`);
      return control;
    },
    close: async () => {},
  };

  /** Deploys a version whose image has this hash. */
  deploy(versionId: string, imageHash: string, idleMinutes?: number, deploymentId?: string): void {
    this.#services.set(versionId, { ...serviceOf(versionId), idleMinutes, imageHash, deploymentId });
    this.#start(versionId);
  }

  /** Deploys a model of the zoo, which is there at once whenever it runs. */
  deployZoo(name: string, idleMinutes: number): void {
    this.#zoo.set(name, { ...serviceOf(""), name, idleMinutes, versionId: undefined });
    this.#tell();
  }

  /** Deploys a version whose pod is run elsewhere. */
  place(versionId: string, pod: VersionPod, deploymentId?: string): void {
    this.#services.set(versionId, { ...serviceOf(versionId), imageHash: "", deploymentId });
    this.#pods.set(versionId, pod);
    this.#tell();
  }

  /** Deletes a version's service and pod. */
  undeploy(versionId: string): void {
    this.#services.delete(versionId);
    this.#pods.delete(versionId);
    this.#tell();
  }

  /** As if nothing had been deployed. */
  clear(): void {
    this.#services.clear();
    this.#pods.clear();
    this.#tell();
  }

  /** The control server of the version's pod. */
  control(versionId: string): MemoryControl {
    const control = this.#controls.get(this.#pods.get(versionId)?.instance ?? "");
    if (!control) throw new Error(`version ${versionId} has no pod`);
    return control;
  }

  #start(versionId: string): void {
    this.#made += 1;
    const instance = `container-${this.#made}`;
    // Containers that started one after the other are told apart by their time.
    const startedAt = 1_000_000 + this.#made;
    this.#controls.set(
      instance,
      new MemoryControl(instance, startedAt, this.#services.get(versionId)?.imageHash ?? ""),
    );
    this.#pods.set(versionId, {
      name: `pod-${this.#made}`,
      url: this.podUrl,
      instance,
      startedAt,
      isReady: !this.podsWait,
      readsCredentialFiles: false,
      variables: new Set(["OF_STACK"]),
    });
    this.#tell();
  }

  #tell(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const wake of woken) wake();
  }
}

/** Pods of this cluster count their time from 1,000,000. */
const serviceOf = (versionId: string) => ({
  name: `v${versionId}`,
  model: "m",
  role: "version" as const,
  versionId,
  isStopped: false,
  idleMinutes: undefined,
  recorded: false,
  pool: "cpu",
  createdAt: 0,
});

export class MemoryControl implements ControlServer {
  readonly instance: string;
  readonly startedAt: number;
  hash: string;
  /** Operations that were applied, in order. */
  readonly applied: unknown[] = [];
  isStarted = false;
  isPartial = false;

  constructor(instance: string, startedAt: number, hash: string) {
    this.instance = instance;
    this.startedAt = startedAt;
    this.hash = hash;
  }

  runningHash = async () => ({ ok: true as const, value: this.hash });
  isPartiallyApplied = async () => ({ ok: true as const, value: this.isPartial });
  restartInference = async () => ({ ok: true as const, value: undefined });
  stopInference = async () => {
    this.isStarted = false;
    return { ok: true as const, value: undefined };
  };
  patch: ControlServer["patch"] = async ({ hash, prevHash, patches }) => {
    if (hash !== this.hash) {
      if (prevHash !== this.hash) return { kind: "inadmissible", reason: "another hash runs" };
      this.applied.push(...patches);
      this.hash = hash;
    }
    this.isStarted = true;
    return { kind: "accepted" };
  };
  probe: ControlServer["probe"] = async () =>
    this.isStarted ? { answers: true } : { answers: false, state: "stopped", reason: "it is stopped" };
}
