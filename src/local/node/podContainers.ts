import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { V1Container, V1LifecycleHandler, V1Pod } from "@kubernetes/client-node";
import { messageOf } from "../../domain/errors.ts";
import { afterEnd } from "./backOff.ts";
import { endMessage, launchContainer } from "./containerLaunch.ts";
import { isRunning } from "./containerPlan.ts";
import { execInContainer, exitRecord, releaseContainer, startedShim } from "./containerProcess.ts";
import { type FailedStart, failedStart } from "./failedStart.ts";
import type { PodPlacement } from "./fieldValue.ts";
import type { NodeContext } from "./nodeContext.ts";
import { type PodRecord, recordOf } from "./podRecord.ts";
import type { Waiting } from "./podStatus.ts";
import { httpGet, type ProbeTarget, runProbes } from "./probeRunner.ts";
import { isAlive, signalProcess } from "./processes.ts";

/** The containers of one pod on this node: starts, observes, probes and stops them, and keeps their records true. */
export class PodContainers {
  readonly #node: NodeContext;
  readonly #record: PodRecord;
  readonly #folder: string;
  readonly #wake: () => void;
  readonly #failed = new Map<string, FailedStart>();
  readonly #probes = new Map<string, AbortController>();
  /** Containers whose parent is a child of this process, which hears of its end. */
  readonly #own = new Set<string>();

  /** `wake` is called whenever something changed that the pod should look at. */
  constructor(node: NodeContext, record: PodRecord, folder: string, wake: () => void) {
    this.#node = node;
    this.#record = record;
    this.#folder = folder;
    this.#wake = wake;
  }

  /** Why containers could not be started, by name. */
  get waiting(): ReadonlyMap<string, Waiting> {
    return new Map([...this.#failed].map(([name, { waiting }]) => [name, waiting]));
  }

  /** When the next failed start may be tried again; milliseconds since the epoch. */
  get retryAt(): number | undefined {
    const times = [...this.#failed.values()].map(({ retryAt }) => retryAt);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Adopted containers are nobody's child here: their end is seen only by looking. */
  get anyAdopted(): boolean {
    return Object.values(this.#record.containers).some((known) => isRunning(known) && !this.#own.has(known.name));
  }

  folderOf(name: string): string {
    return join(this.#folder, "containers", name);
  }

  /** Finds runs that a killed node began and could not record any more. */
  async recover(): Promise<void> {
    for (const name of await readdir(join(this.#folder, "containers")).catch(() => [])) {
      const known = recordOf(this.#record, name);
      const shim = await startedShim(this.folderOf(name), known.runs);
      if (!(await isAlive(shim))) continue;
      if (known.end) known.lastEnd = known.end;
      known.end = undefined;
      known.runs += 1;
      known.process = shim;
      known.startedAt = new Date().toISOString();
    }
  }

  /** Takes note of containers that ended since the last look. Answers whether any did. */
  async observe(pod: V1Pod | undefined): Promise<boolean> {
    let changed = false;
    for (const known of Object.values(this.#record.containers)) {
      if (!isRunning(known)) continue;
      const attempt = known.runs - 1;
      const folder = this.folderOf(known.name);
      let exit = await exitRecord(folder, attempt);
      if (!exit) {
        if (await isAlive(known.process)) continue;
        // It may have written the file between the two looks.
        exit = await exitRecord(folder, attempt);
      }
      this.#stopProbes(known.name);
      const finishedAt = exit?.finishedAt ?? new Date().toISOString();
      const startedAt = exit?.startedAt ?? known.startedAt ?? finishedAt;
      const container = pod && containerOf(pod, known.name);
      const exitCode = exit?.exitCode ?? 137;
      known.end = {
        attempt,
        exitCode,
        signal: exit?.signal ?? 0,
        reason: !exit
          ? "ContainerStatusUnknown"
          : exit.startFailed
            ? "StartError"
            : exitCode === 0
              ? "Completed"
              : "Error",
        message: exit
          ? await endMessage(folder, attempt, exit, container)
          : "the environment was stopped or the container's parent was killed",
        startedAt,
        finishedAt,
      };
      known.process = undefined;
      known.started = false;
      known.ready = false;
      const startsAtOnce = !exit || (this.#node.restartsAtOnce === true && known.wasReady === true);
      known.failures = startsAtOnce ? 1 : afterEnd(known, Date.parse(finishedAt) - Date.parse(startedAt)).failures;
      await releaseContainer(folder, attempt);
      this.#node.log(`${this.#record.namespace}/${this.#record.name} ${known.name}: ended with ${exitCode}`);
      changed = true;
    }
    return changed;
  }

  /** Starts a container, unless an earlier try failed a short time ago. Failures become waiting reasons. */
  async start(
    pod: V1Pod,
    container: V1Container,
    volumes: ReadonlyMap<string, string>,
    placement: PodPlacement,
  ): Promise<void> {
    const before = this.#failed.get(container.name);
    if (before && Date.now() < before.retryAt) return;
    try {
      await this.#start(pod, container, volumes, placement);
      this.#failed.delete(container.name);
    } catch (error) {
      const failed = failedStart(error, before?.failures ?? 0);
      this.#failed.set(container.name, failed);
      if (before?.waiting.reason !== failed.waiting.reason)
        this.#node.log(`${this.#record.namespace}/${this.#record.name} ${container.name}: ${messageOf(error)}`);
    }
  }

  async #start(
    pod: V1Pod,
    container: V1Container,
    volumes: ReadonlyMap<string, string>,
    placement: PodPlacement,
  ): Promise<void> {
    const sandbox = this.#record.sandbox;
    if (!sandbox) throw new Error("the pod has no sandbox");
    const known = recordOf(this.#record, container.name);
    const attempt = known.runs;
    const { shim, imageID } = await launchContainer(this.#node, {
      pod,
      container,
      volumes,
      placement,
      sandbox,
      podFolder: this.#folder,
      folder: this.folderOf(container.name),
      attempt,
      onExit: this.#wake,
    });
    if (known.end) known.lastEnd = known.end;
    known.end = undefined;
    known.runs = attempt + 1;
    this.#own.add(container.name);
    known.process = shim;
    known.startedAt = new Date().toISOString();
    known.started = false;
    known.ready = false;
    known.imageID = imageID;
    const postStart = container.lifecycle?.postStart;
    if (postStart) void this.#runHook(pod, container, postStart, 30_000);
    this.probe(container);
  }

  /** Begins to probe a running container; also one that was adopted. Idempotent. */
  probe(container: V1Container): void {
    const known = recordOf(this.#record, container.name);
    if (!isRunning(known) || this.#probes.has(container.name)) return;
    const abort = new AbortController();
    this.#probes.set(container.name, abort);
    const attempt = known.runs - 1;
    const set = (change: () => void): void => {
      if (abort.signal.aborted) return;
      change();
      this.#wake();
    };
    void runProbes(
      this.#target(container, attempt),
      known.started,
      Date.parse(known.startedAt ?? "") || Date.now(),
      {
        started: () =>
          set(() => {
            known.started = true;
          }),
        ready: (ready) =>
          set(() => {
            known.ready = ready;
            if (ready) known.wasReady = true;
          }),
        unhealthy: (message) =>
          set(() => {
            this.#node.log(
              `${this.#record.namespace}/${this.#record.name} ${container.name}: ${message}; restarting it`,
            );
            void this.#stopOne(container, this.#record.gracePeriodSeconds * 1000, undefined);
          }),
      },
      abort.signal,
    );
  }

  /**
   * Ends the named containers: preStop hooks, SIGTERM, and SIGKILL after `grace` milliseconds in all. Without `pod`
   * (its object is gone) hooks are unknown and left out.
   */
  async stop(names: readonly string[], grace: number, pod: V1Pod | undefined): Promise<void> {
    await Promise.all(names.map((name) => this.#stopOne((pod && containerOf(pod, name)) ?? { name }, grace, pod)));
  }

  /** Readiness answers of a pod that is being deleted no longer count, nor may liveness restart anything. */
  stopProbes(): void {
    for (const name of [...this.#probes.keys()]) this.#stopProbes(name);
  }

  async #stopOne(container: V1Container, grace: number, pod: V1Pod | undefined): Promise<void> {
    const known = this.#record.containers[container.name];
    const process = known?.process;
    if (!known || !process || !isRunning(known)) return;
    this.#stopProbes(container.name);
    const deadline = Date.now() + grace;
    const preStop = container.lifecycle?.preStop;
    if (preStop && pod) await this.#runHook(pod, container, preStop, Math.max(0, grace));
    await signalProcess(process, "SIGTERM");
    while (Date.now() < deadline && (await isAlive(process))) await sleep(25);
    // The shim answers SIGUSR1 by killing the program, and still writes how it ended.
    await signalProcess(process, "SIGUSR1");
    for (let i = 0; i < 80 && (await isAlive(process)); i += 1) await sleep(25);
    await signalProcess(process, "SIGKILL");
    this.#wake();
  }

  async #runHook(pod: V1Pod, container: V1Container, hook: V1LifecycleHandler, timeout: number): Promise<void> {
    const known = recordOf(this.#record, container.name);
    const target = this.#target(container, known.runs - 1);
    try {
      if (hook.exec) await target.exec(hook.exec.command ?? [], timeout);
      else if (hook.httpGet) await httpGet(hook.httpGet, target, timeout);
      else if (hook.sleep) await sleep(Math.min(timeout, hook.sleep.seconds * 1000));
    } catch (error) {
      this.#node.log(`${pod.metadata?.namespace}/${pod.metadata?.name} ${container.name}: hook: ${messageOf(error)}`);
    }
  }

  #target(container: V1Container, attempt: number): ProbeTarget {
    return {
      container,
      podIP: this.#record.address,
      exec: (command, timeout) => execInContainer(this.folderOf(container.name), attempt, command, timeout),
    };
  }

  #stopProbes(name: string): void {
    this.#probes.get(name)?.abort();
    this.#probes.delete(name);
  }
}

function containerOf(pod: V1Pod, name: string): V1Container | undefined {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((each) => each.name === name);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
