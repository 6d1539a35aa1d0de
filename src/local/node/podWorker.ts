import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { messageOf } from "../../domain/errors.ts";
import { menagerieCache } from "../layout.ts";
import { allContainers, isSidecar, planContainers } from "./containerPlan.ts";
import { releaseAllRuns } from "./containerProcess.ts";
import type { PodPlacement } from "./fieldValue.ts";
import type { NodeContext } from "./nodeContext.ts";
import { PodContainers } from "./podContainers.ts";
import { podHostname, writePodFiles } from "./podFiles.ts";
import type { PodLink } from "./podLink.ts";
import { type PodRecord, writePodRecord } from "./podRecord.ts";
import { isAlive } from "./processes.ts";
import { createSandbox, removeSandbox } from "./sandbox.ts";
import { fillVolumes, type VolumeSources } from "./volumes.ts";

/** Mounted ConfigMaps, Secrets and tokens are looked at this often; milliseconds. */
const refreshVolumesEvery = 5_000;
/** How often to look whether an adopted container still runs; milliseconds. */
const lookEvery = 500;

/**
 * One pod on its node, from the moment it is bound until its object is gone. Level-triggered: one loop compares what the
 * object says with what runs, acts, publishes the status, and sleeps until something changes.
 */
export class PodWorker {
  readonly #node: NodeContext;
  readonly #folder: string;
  readonly #record: PodRecord;
  readonly #link: PodLink;
  readonly containers: PodContainers;
  #pod: V1Pod | undefined;
  #volumes: ReadonlyMap<string, string> | undefined;
  #volumesAt = 0;
  #volumeProblem: string | undefined;
  #woken = true;
  #wakeUp: (() => void) | undefined;
  #stopped = false;
  #saved = "";
  /** Settles when the worker has nothing left to do. */
  readonly done: Promise<void>;

  /** Without `pod` the object is gone: what still runs of `record` is ended and cleaned up. */
  constructor(node: NodeContext, record: PodRecord, pod: V1Pod | undefined) {
    this.#node = node;
    this.#record = record;
    this.#pod = pod;
    this.#folder = join(node.podsFolder, record.uid);
    this.#link = node.link();
    this.containers = new PodContainers(node, record, this.#folder, () => this.wake());
    this.done = this.#run();
  }

  get record(): Readonly<PodRecord> {
    return this.#record;
  }

  get pod(): V1Pod | undefined {
    return this.#pod;
  }

  /** The object as the API server has it now; undefined when it is gone. */
  update(pod: V1Pod | undefined): void {
    const content = (each: V1Pod | undefined): string =>
      JSON.stringify([each?.metadata?.labels, each?.metadata?.annotations]);
    // Downward API files are to follow at once.
    if (content(pod) !== content(this.#pod)) this.#volumesAt = 0;
    this.#pod = pod;
    this.wake();
  }

  wake(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  /** Lets go of the pod without touching what runs. */
  detach(): Promise<void> {
    this.#stopped = true;
    this.containers.stopProbes();
    this.wake();
    return this.done;
  }

  /** Ends the pod's processes within `grace` milliseconds and keeps its record: the next start sets it up again. */
  async shutDown(grace: number): Promise<void> {
    await this.detach();
    await this.#stopAll(Math.min(grace, this.#record.gracePeriodSeconds * 1000));
    await this.containers.observe(this.#pod);
    await this.#dropSandbox();
    await this.#save();
  }

  async #run(): Promise<void> {
    let failures = 0;
    await this.containers.recover();
    while (!this.#stopped) {
      this.#woken = false;
      let delay = refreshVolumesEvery;
      try {
        const next = await this.#step();
        if (next === undefined) return;
        delay = next;
        failures = 0;
      } catch (error) {
        failures += 1;
        delay = Math.min(10_000, 250 * 2 ** failures);
        this.#node.log(`${this.#record.namespace}/${this.#record.name}: ${messageOf(error)}`);
        // Whatever came with the error must not make this spin.
        this.#woken = false;
      }
      await this.#sleep(delay);
    }
  }

  /** One look at the pod. Answers the milliseconds until the next one, or undefined when the pod is over. */
  async #step(): Promise<number | undefined> {
    const pod = this.#pod;
    if (!pod || pod.metadata?.deletionTimestamp) return this.#terminate(pod);
    if (this.#record.outcome) {
      await this.containers.observe(pod);
      await this.#publish(pod);
      return 60_000;
    }
    await this.containers.observe(pod);
    await this.#ensureSandbox(pod);
    await this.#refreshVolumes(pod);
    let wakeAt: number | undefined;
    if (this.#volumes) {
      const plan = planContainers(pod, this.#record, Date.now());
      this.#record.initialized ||= plan.initialized;
      for (const container of plan.start) {
        await this.containers.start(pod, container, this.#volumes, this.#placement());
      }
      for (const container of allContainers(pod)) this.containers.probe(container);
      wakeAt = plan.wakeAt;
      if (plan.outcome) await this.#finish(pod, plan.outcome, undefined);
      else if (deadlinePassed(pod, this.#record)) await this.#finish(pod, "Failed", "DeadlineExceeded");
    }
    await this.#save();
    await this.#publish(pod);
    const times = [wakeAt, this.containers.retryAt].filter((time) => time !== undefined);
    const next = Math.min(refreshVolumesEvery, ...times.map((time) => Math.max(10, time - Date.now())));
    return this.containers.anyAdopted ? Math.min(next, lookEvery) : this.#volumes ? next : 1_000;
  }

  async #ensureSandbox(pod: V1Pod): Promise<void> {
    this.#record.gracePeriodSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
    if (this.#record.sandbox && (await isAlive(this.#record.sandbox))) return;
    const again = this.#record.sandbox !== undefined || this.#record.initialized;
    if (again) {
      // The network is gone: whatever still runs cannot be reached any more. Init containers run again.
      await this.#stopAll(1_000);
      await this.containers.observe(pod);
      this.#record.initialized = false;
      // That was no fault of theirs: no back-off.
      for (const known of Object.values(this.#record.containers)) known.failures = Math.min(known.failures, 1);
      for (const { name, restartPolicy } of pod.spec?.initContainers ?? []) {
        const known = this.#record.containers[name];
        if (known?.end && restartPolicy !== "Always") {
          known.lastEnd = known.end;
          known.end = undefined;
        }
      }
    }
    await this.#dropSandbox();
    await writePodFiles(join(this.#folder, "etc"), pod, this.#record.address);
    const { uid, address } = this.#record;
    this.#record.sandbox = await createSandbox(this.#node.shim, { uid, address, hostname: podHostname(pod) });
    await this.#save();
  }

  async #refreshVolumes(pod: V1Pod): Promise<void> {
    if (this.#volumes && Date.now() - this.#volumesAt < refreshVolumesEvery) return;
    const sources: VolumeSources = {
      objects: this.#node.objects,
      tokens: this.#link.tokens,
      placement: this.#placement(),
      hostRoot: this.#node.hostVolumes,
      // Where build pods put images, and find what those are made of.
      administratorRoots: [this.#node.images, menagerieCache()],
    };
    this.#volumesAt = Date.now();
    try {
      this.#volumes = await fillVolumes(pod, join(this.#folder, "volumes"), sources);
      this.#volumeProblem = undefined;
    } catch (error) {
      // A running pod keeps what it has; one that waits says why.
      const problem = messageOf(error);
      if (problem !== this.#volumeProblem) this.#node.log(`${this.#record.namespace}/${this.#record.name}: ${problem}`);
      this.#volumeProblem = problem;
    }
  }

  /** All containers have ended for good: sidecars stop, the sandbox goes, logs stay until the object is deleted. */
  async #finish(pod: V1Pod, outcome: "Succeeded" | "Failed", reason: string | undefined): Promise<void> {
    const names = allContainers(pod)
      .filter((container) => reason !== undefined || isSidecar(container))
      .map(({ name }) => name);
    await this.containers.stop(names, this.#record.gracePeriodSeconds * 1000, pod);
    await this.containers.observe(pod);
    this.containers.stopProbes();
    this.#record.outcome = outcome;
    this.#record.outcomeReason = reason;
    await this.#dropSandbox();
  }

  async #terminate(pod: V1Pod | undefined): Promise<number | undefined> {
    this.containers.stopProbes();
    const requested = pod?.metadata?.deletionGracePeriodSeconds ?? (pod ? this.#record.gracePeriodSeconds : 1);
    const deletedAt = Date.parse(String(pod?.metadata?.deletionTimestamp ?? ""));
    // deletionTimestamp is when the grace period will be over, to the second.
    const left = Number.isNaN(deletedAt) ? requested * 1000 : Math.min(requested * 1000, deletedAt + 1000 - Date.now());
    await this.#stopAll(Math.max(0, left));
    await this.containers.observe(pod);
    await this.#dropSandbox();
    await releaseAllRuns(join(this.#folder, "containers"));
    if (pod) {
      this.#record.outcome ??= Object.values(this.#record.containers).every(({ end }) => end?.exitCode === 0)
        ? "Succeeded"
        : "Failed";
      await this.#publish(pod);
      await this.#link.gone(this.#record);
    }
    await rm(this.#folder, { recursive: true, force: true });
    this.#node.releaseAddress(this.#record.address);
    this.#stopped = true;
    return undefined;
  }

  async #stopAll(grace: number): Promise<void> {
    const sidecars = new Set((this.#pod?.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
    const names = Object.keys(this.#record.containers);
    const deadline = Date.now() + grace;
    await this.containers.stop(
      names.filter((name) => !sidecars.has(name)),
      grace,
      this.#pod,
    );
    await this.containers.stop([...sidecars], Math.max(0, deadline - Date.now()), this.#pod);
  }

  async #dropSandbox(): Promise<void> {
    await removeSandbox(this.#record.sandbox, this.#record.uid);
    this.#record.sandbox = undefined;
  }

  #placement(): PodPlacement {
    return { podIP: this.#record.address, hostIP: this.#node.address, allocatable: this.#node.allocatable };
  }

  async #publish(pod: V1Pod): Promise<void> {
    const waiting = this.#waitingReasons(pod);
    await this.#link.publish(pod, this.#record, waiting);
  }

  #waitingReasons(pod: V1Pod): Map<string, { reason: string; message?: string }> {
    const reasons = new Map(this.containers.waiting);
    const problem = this.#volumes ? undefined : this.#volumeProblem;
    if (problem !== undefined) {
      for (const { name } of allContainers(pod)) reasons.set(name, { reason: "ContainerCreating", message: problem });
    }
    return reasons;
  }

  async #save(): Promise<void> {
    const text = JSON.stringify(this.#record);
    if (text === this.#saved) return;
    await writePodRecord(this.#folder, this.#record);
    this.#saved = text;
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#woken || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(finish, milliseconds);
      const self = this;
      function finish(): void {
        clearTimeout(timer);
        self.#wakeUp = undefined;
        resolve();
      }
      this.#wakeUp = finish;
    });
  }
}

function deadlinePassed(pod: V1Pod, record: PodRecord): boolean {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds !== undefined && Date.now() >= Date.parse(record.startTime) + seconds * 1000;
}
