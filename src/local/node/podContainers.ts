import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Container, V1LifecycleHandler, V1Pod } from "@kubernetes/client-node";
import { ImageMissing, readImage } from "../../adapters/images/imageStore.ts";
import { messageOf } from "../../domain/errors.ts";
import { afterEnd, restartDelay } from "./backOff.ts";
import { ContainerConfigError, containerEnvironment, mayInstallPackages } from "./containerEnvironment.ts";
import { tailText } from "./containerLog.ts";
import { isRunning } from "./containerPlan.ts";
import {
  type ExitRecord,
  execInContainer,
  exitRecord,
  logFile,
  releaseContainer,
  startContainer,
  terminationMessage,
} from "./containerProcess.ts";
import { egressMounts } from "./egressFiles.ts";
import { commandLine } from "./environment.ts";
import type { PodPlacement } from "./fieldValue.ts";
import type { NodeContext } from "./nodeContext.ts";
import { type PodRecord, recordOf } from "./podRecord.ts";
import type { Waiting } from "./podStatus.ts";
import { httpGet, type ProbeTarget, runProbes } from "./probeRunner.ts";
import { isAlive, signalProcess } from "./processes.ts";
import { digestOf } from "./systemImages.ts";
import { VolumeNotReady } from "./volumeFiles.ts";
import { containerMounts } from "./volumes.ts";

interface FailedStart {
  readonly waiting: Waiting;
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly retryAt: number;
}

/** The containers of one pod on this node: starts, observes, probes and stops them, and keeps their records true. */
export class PodContainers {
  readonly #node: NodeContext;
  readonly #record: PodRecord;
  readonly #folder: string;
  readonly #wake: () => void;
  readonly #failed = new Map<string, FailedStart>();
  readonly #probes = new Map<string, AbortController>();

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

  get anyRunning(): boolean {
    return Object.values(this.#record.containers).some(isRunning);
  }

  folderOf(name: string): string {
    return join(this.#folder, "containers", name);
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
          ? await this.#terminationMessage(container, attempt, known.name, exit)
          : "the environment was stopped or the container's parent was killed",
        startedAt,
        finishedAt,
      };
      known.process = undefined;
      known.started = false;
      known.ready = false;
      known.failures = exit ? afterEnd(known, Date.parse(finishedAt) - Date.parse(startedAt)).failures : 1;
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
      this.#failed.set(container.name, failedStart(error, before?.failures ?? 0));
      if (!before)
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
    const reference = container.image ?? "";
    const digest = digestOf(reference);
    const { image, rootfs } = await readImage(
      this.#node.layout.images,
      digest && !reference.includes("@") ? `${reference}@${digest}` : reference,
    ).catch((error: unknown) => {
      throw error instanceof ImageMissing ? error : new ImageUnusable(messageOf(error));
    });
    const env = await containerEnvironment(pod, container, image.config.env, this.#node.objects, placement);
    const argv = commandLine({ ...image.config, command: container.command, args: container.args }, env);
    if (argv.length === 0) throw new ContainerConfigError("neither the pod nor the image names a command");
    const known = recordOf(this.#record, container.name);
    const attempt = known.runs;
    const shim = await startContainer({
      shim: this.#node.shim,
      sandbox,
      folder: this.folderOf(container.name),
      attempt,
      rootfs,
      layers: image.layers,
      mounts: [
        ...(await containerMounts(pod, container, volumes, env)),
        ...this.#podFiles(pod),
        ...(mayInstallPackages(pod) ? await egressMounts(process.env) : []),
      ],
      workingDir: container.workingDir || image.config.workingDir || "/",
      env,
      argv,
      terminationMessagePath: container.terminationMessagePath || "/dev/termination-log",
      onExit: this.#wake,
    });
    if (known.end) known.lastEnd = known.end;
    known.end = undefined;
    known.runs = attempt + 1;
    known.process = shim;
    known.startedAt = new Date().toISOString();
    known.started = false;
    known.ready = false;
    known.imageID = `${image.url}@${image.digest}`;
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

  #podFiles(pod: V1Pod): { source: string; target: string; readOnly: boolean }[] {
    const names = ["resolv.conf", "hosts", "hostname", "passwd", "group", "nsswitch.conf"];
    // hosts is the pod's own and kubelet leaves it writable.
    return names
      .filter(() => pod.spec !== undefined)
      .map((name) => ({ source: join(this.#folder, "etc", name), target: `/etc/${name}`, readOnly: name !== "hosts" }));
  }

  async #terminationMessage(
    container: V1Container | undefined,
    attempt: number,
    name: string,
    exit: ExitRecord,
  ): Promise<string> {
    const folder = this.folderOf(name);
    const said = await terminationMessage(folder, attempt);
    const fallback = exit.startFailed || container?.terminationMessagePolicy === "FallbackToLogsOnError";
    if (said || exit.exitCode === 0 || !fallback) return said;
    const log = await readFile(logFile(folder, attempt), "utf8").catch(() => "");
    // Limits of the fallback as the API documents them: 2048 bytes or 80 lines.
    return tailText(log, 80, 2048);
  }
}

/** The reference cannot be resolved at all; kubelet's waiting reason `InvalidImageName`. */
class ImageUnusable extends Error {}

function failedStart(error: unknown, failuresBefore: number): FailedStart {
  const failures = failuresBefore + 1;
  const message = messageOf(error);
  const pull = error instanceof ImageMissing;
  const reason = pull
    ? failures === 1
      ? "ErrImagePull"
      : "ImagePullBackOff"
    : error instanceof ImageUnusable
      ? "InvalidImageName"
      : error instanceof ContainerConfigError
        ? "CreateContainerConfigError"
        : error instanceof VolumeNotReady
          ? "ContainerCreating"
          : "CreateContainerError";
  // An image that a build is just about to put there, or a ConfigMap, comes soon or not at all: begin with a second.
  const delay = failures <= 3 ? 1_000 : restartDelay(failures - 3);
  return { waiting: { reason, message }, failures, retryAt: Date.now() + (pull ? delay : Math.min(delay, 10_000)) };
}

function containerOf(pod: V1Pod, name: string): V1Container | undefined {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((each) => each.name === name);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
