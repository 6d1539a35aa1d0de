import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { ImageMissing, readImage } from "../../adapters/images/imageStore.ts";
import { messageOf } from "../../domain/errors.ts";
import { packageSettings } from "../packageSettings.ts";
import type { ContainerMount } from "./bubblewrap.ts";
import { ContainerConfigError, containerEnvironment, mayInstallPackages } from "./containerEnvironment.ts";
import { tailText } from "./containerLog.ts";
import { type ExitRecord, logFile, startContainer, terminationMessage } from "./containerProcess.ts";
import { egressMounts } from "./egressFiles.ts";
import { commandLine } from "./environment.ts";
import { ImageUnusable } from "./failedStart.ts";
import type { PodPlacement } from "./fieldValue.ts";
import type { NodeContext } from "./nodeContext.ts";
import type { ProcessRef } from "./processes.ts";
import { containerMounts } from "./volumes.ts";

/** One run of one container of a pod. */
export interface ContainerLaunch {
  readonly pod: V1Pod;
  readonly container: V1Container;
  /** Host path of each filled volume, by name. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly placement: PodPlacement;
  readonly sandbox: ProcessRef;
  readonly podFolder: string;
  /** The container's own folder below it. */
  readonly folder: string;
  readonly attempt: number;
  readonly onExit: () => void;
}

/**
 * Resolves image, environment, command and mounts, and starts the program. Throws ImageMissing, ImagePulling, ImagePullFailed,
 * ImageUnusable, ContainerConfigError or VolumeNotReady for what keeps it from starting.
 */
export async function launchContainer(
  node: NodeContext,
  launch: ContainerLaunch,
): Promise<{ readonly shim: ProcessRef; readonly imageID: string }> {
  const { pod, container, folder, attempt, sandbox, onExit } = launch;
  const { image, rootfs } = await readImage(node.images, container.image ?? "").catch((error: unknown) => {
    if (!(error instanceof ImageMissing)) throw new ImageUnusable(messageOf(error));
    node.want(pod, container.image ?? "");
    throw error;
  });
  const env = await containerEnvironment(pod, container, image.config.env, node.objects, launch.placement);
  const argv = commandLine({ ...image.config, command: container.command, args: container.args }, env);
  if (argv.length === 0) throw new ContainerConfigError("neither the pod nor the image names a command");
  const shim = await startContainer({
    shim: node.shim,
    sandbox,
    folder,
    attempt,
    rootfs,
    layers: image.layers,
    ownSystem: image.ownSystem ?? false,
    mounts: [
      ...(await containerMounts(pod, container, launch.volumes, env)),
      ...podFileMounts(launch.podFolder, image.ownSystem ?? false),
      ...(mayInstallPackages(pod) ? await egressMounts(await packageSettings()) : []),
    ],
    workingDir: container.workingDir || image.config.workingDir || "/",
    env,
    argv,
    terminationMessagePath: container.terminationMessagePath || "/dev/termination-log",
    onExit,
  });
  return { shim, imageID: `${image.url}@${image.digest}` };
}

/** What a container said about its end: its termination message, or the end of its log where that is asked for. */
export async function endMessage(
  folder: string,
  attempt: number,
  exit: ExitRecord,
  container: V1Container | undefined,
): Promise<string> {
  const said = await terminationMessage(folder, attempt);
  const fallback = exit.startFailed || container?.terminationMessagePolicy === "FallbackToLogsOnError";
  if (said || exit.exitCode === 0 || !fallback) return said;
  const log = await readFile(logFile(folder, attempt), "utf8").catch(() => "");
  // Limits of the fallback as the API documents them: 2048 bytes or 80 lines.
  return tailText(log, 80, 2048);
}

function podFileMounts(podFolder: string, ownSystem: boolean): ContainerMount[] {
  const names = ["resolv.conf", "hosts", "hostname", ...(ownSystem ? [] : ["passwd", "group", "nsswitch.conf"])];
  // hosts is the pod's own, and kubelet leaves it writable.
  return names.map((name) => ({
    source: join(podFolder, "etc", name),
    target: `/etc/${name}`,
    readOnly: name !== "hosts",
  }));
}
