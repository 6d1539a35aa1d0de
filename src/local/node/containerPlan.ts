import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { restartDelay, restartsAfter } from "./backOff.ts";
import type { ContainerRecord, PodRecord } from "./podRecord.ts";

/** What the node should do next for the containers of one pod. */
export interface ContainerPlan {
  /** Containers to start now. */
  readonly start: readonly V1Container[];
  /** When the next back-off is over; milliseconds since the epoch. */
  readonly wakeAt: number | undefined;
  /** Every init container has done its work. */
  readonly initialized: boolean;
  /** Set when nothing runs or will run again; sidecars are then to be stopped. */
  readonly outcome: "Succeeded" | "Failed" | undefined;
}

/** A native sidecar: an init container that keeps running beside the others. */
export function isSidecar(container: V1Container): boolean {
  return container.restartPolicy === "Always";
}

/** All containers of a pod, init containers first. */
export function allContainers(pod: V1Pod): V1Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/** True while the run that was begun last is not known to have ended. */
export function isRunning(record: ContainerRecord | undefined): boolean {
  return record !== undefined && record.process !== undefined && record.end === undefined;
}

/** When a container that ended runs again; milliseconds since the epoch. Undefined when it does not. */
export function restartAt(container: V1Container, pod: V1Pod, record: ContainerRecord): number | undefined {
  if (!record.end) return undefined;
  const init = pod.spec?.initContainers?.some(({ name }) => name === container.name) ?? false;
  const podPolicy = pod.spec?.restartPolicy;
  // An init container runs until it succeeds, under Always too.
  const policy = isSidecar(container) ? "Always" : init && podPolicy !== "Never" ? "OnFailure" : podPolicy;
  if (!restartsAfter(policy, record.end.exitCode)) return undefined;
  return Date.parse(record.end.finishedAt) + restartDelay(record.failures - 1);
}

/** Decides by the pod's rules alone; `now` is in milliseconds since the epoch. */
export function planContainers(pod: V1Pod, record: PodRecord, now: number): ContainerPlan {
  const start: V1Container[] = [];
  let wakeAt: number | undefined;
  const consider = (container: V1Container): void => {
    const known = record.containers[container.name];
    if (!known || (!known.process && !known.end)) {
      start.push(container);
      return;
    }
    if (isRunning(known)) return;
    const at = restartAt(container, pod, known);
    if (at === undefined) return;
    if (at <= now) start.push(container);
    else wakeAt = Math.min(wakeAt ?? at, at);
  };
  const answer = (initialized: boolean, outcome?: "Succeeded" | "Failed"): ContainerPlan => ({
    start,
    wakeAt,
    initialized,
    outcome,
  });

  for (const container of pod.spec?.initContainers ?? []) {
    const known = record.containers[container.name];
    if (isSidecar(container)) {
      consider(container);
      if (!record.initialized && !(isRunning(known) && known?.started)) return answer(false);
      continue;
    }
    if (record.initialized || known?.end?.exitCode === 0) continue;
    consider(container);
    const failed = known?.end !== undefined && restartAt(container, pod, known) === undefined;
    return answer(false, failed ? "Failed" : undefined);
  }

  const containers = pod.spec?.containers ?? [];
  for (const container of containers) consider(container);
  const ends = containers.map((container) => {
    const known = record.containers[container.name];
    return known?.end && restartAt(container, pod, known) === undefined ? known.end : undefined;
  });
  if (ends.length > 0 && ends.every((end) => end !== undefined)) {
    return answer(true, ends.every((end) => end?.exitCode === 0) ? "Succeeded" : "Failed");
  }
  return answer(true);
}
