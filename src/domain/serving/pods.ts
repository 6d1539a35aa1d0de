import { explainShortage } from "../capacity/poolShortage.ts";
import { times } from "../counted.ts";
import type { Condition } from "./condition.ts";
import type { ObservedContainerStatus, ObservedModel, ObservedPod } from "./observed.ts";
import { gpuResource } from "./placement.ts";

/** Restarts after which a container is given up, though its back-off may not be visible at this moment. */
const toleratedRestarts = 1;

/** Waiting reasons of a container that no waiting mends (`pkg/kubelet/images/types.go`, `kuberuntime` of Kubernetes). */
const hopeless = new Set([
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/** A run of this length, in milliseconds, is not part of a crash loop. */
const longRunMs = 60_000;
/** The condition of a pod that has just begun may be written this much after its container's start, in milliseconds. */
const readyAfterStartMs = 5_000;

/** What keeps a pod from ever running. */
export interface PodFailure {
  readonly state: "down";
  /** Completes "model <name> is down: …". */
  readonly reason: string;
  readonly pod: string;
  readonly container: string;
  /** The log that tells why is that of the run before: the container has been started again since. */
  readonly previous?: boolean;
}

/** A pod that runs and is not ready. */
export interface UnreadyPod {
  readonly pod: string;
  readonly container: string;
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  /** Whether the pod was ready before that. */
  readonly wasReady: boolean;
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Pods that end or have ended do not count: an evicted pod stays as Failed while its ReplicaSet makes another. */
export function alive(pods: readonly ObservedPod[]): ObservedPod[] {
  return pods.filter(
    (pod) => !pod.metadata?.deletionTimestamp && !/^(Failed|Succeeded)$/.test(pod.status?.phase ?? ""),
  );
}

export function isReady(pod: ObservedPod): boolean {
  return conditionOf(pod.status?.conditions, "Ready")?.status === "True";
}

function containersOf(pod: ObservedPod): readonly ObservedContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** What keeps a pod from ever running, by its containers; undefined while nothing does. */
export function failureOf(pod: ObservedPod): PodFailure | undefined {
  const name = pod.metadata?.name ?? "";
  for (const status of containersOf(pod)) {
    const { container, reason = "", message } = { container: status.name, ...status.state?.waiting };
    if (hopeless.has(reason)) {
      return {
        state: "down",
        reason: `container ${container} cannot start (${reason}): ${tidy(message)}`,
        pod: name,
        container,
      };
    }
    const restarts = status.restartCount ?? 0;
    const loops = reason === "CrashLoopBackOff" || (restarts > toleratedRestarts && !status.ready && !ranLong(status));
    if (loops && !nodeEndedIt(status)) {
      const previous = status.state?.terminated === undefined && restarts > 0;
      return {
        state: "down",
        reason: `container ${container} keeps ending${manner(status)}, ${restarts} restarts so far`,
        pod: name,
        container,
        previous,
      };
    }
  }
  return undefined;
}

/** Whether a container that runs again had run so long before that it is no loop. */
function ranLong({ lastState }: ObservedContainerStatus): boolean {
  const { startedAt, finishedAt } = lastState?.terminated ?? {};
  return timeOf(finishedAt) - timeOf(startedAt) > longRunMs;
}

/** The kubelet writes this reason where it was away while the container ended. */
function nodeEndedIt({ lastState }: ObservedContainerStatus): boolean {
  return lastState?.terminated?.reason === "ContainerStatusUnknown";
}

/** Since when a pod whose containers run is not ready; undefined where none runs, or the pod does not say. */
export function unreadySince(pod: ObservedPod): UnreadyPod | undefined {
  const ready = conditionOf(pod.status?.conditions, "Ready");
  const status = pod.status?.containerStatuses?.find((each) => !each.ready && each.state?.running);
  const [since, started] = [timeOf(ready?.lastTransitionTime), timeOf(status?.state?.running?.startedAt)];
  if (!status || ready?.status === "True" || Number.isNaN(since) || Number.isNaN(started)) return undefined;
  const wasReady = since > started + readyAfterStartMs;
  // A container that was started again is given its time again.
  return { pod: pod.metadata?.name ?? "", container: status.name, since: Math.max(since, started), wasReady };
}

function timeOf(time: string | Date | undefined): number {
  return time === undefined ? Number.NaN : new Date(time).getTime();
}

/** How a container ended last: ` with exit code 3 (Error)`. */
export function manner(status: ObservedContainerStatus): string {
  const end = status.state?.terminated ?? status.lastState?.terminated;
  if (!end) return "";
  const how = end.signal ? `by signal ${end.signal}` : `with exit code ${end.exitCode}`;
  return ` ${how}${end.reason ? ` (${end.reason})` : ""}`;
}

/** A pod that the scheduler finds no node for. */
export function homeless(pods: readonly ObservedPod[]): ObservedPod | undefined {
  return alive(pods).find((pod) => conditionOf(pod.status?.conditions, "PodScheduled")?.status === "False");
}

/**
 * Why pods that exist are not ready, or undefined when none says.
 * @param pool undefined where the pods may run on any node
 * @param capacity what is known of the pool, where somebody looked
 */
export function hindrance(
  pods: readonly ObservedPod[],
  pool: string | undefined,
  capacity?: ObservedModel["capacity"],
): string | undefined {
  const pending = homeless(pods);
  if (pending) {
    const { message = "" } = conditionOf(pending.status?.conditions, "PodScheduled") ?? {};
    if (pool === undefined) return `no node takes its pod: ${tidy(message)}`;
    const about = capacity && capacity.pod === pending.metadata?.name ? capacity : undefined;
    return unschedulable(pool, message, about ? explainShortage(pool, gpusOf(pending), about) : "");
  }
  for (const pod of pods) {
    for (const { name, state, restartCount = 0 } of containersOf(pod)) {
      const { reason, message } = state?.waiting ?? {};
      if (reason && reason !== "ContainerCreating" && reason !== "PodInitializing") {
        return `container ${name} waits (${reason})${message ? `: ${tidy(message)}` : ""}`;
      }
      if (restartCount > 0) return `container ${name} was started again ${times(restartCount)}`;
    }
  }
  return undefined;
}

export function gpusOf({ spec }: ObservedPod): number {
  return (spec?.containers ?? []).reduce(
    (sum, { resources }) => sum + Number(resources?.limits?.[gpuResource] ?? 0),
    0,
  );
}

/** Names the resource that lacks, out of the scheduler's `0/3 nodes are available: 1 Insufficient nvidia.com/gpu, …`. */
function unschedulable(pool: string, message: string, why: string): string {
  const lacking = [
    ...new Set([...message.matchAll(/Insufficient ([^\s,.]+(?:\.[^\s,.]+)*)/g)].map((match) => match[1])),
  ];
  const what = lacking.length > 0 ? `has no ${lacking.join(", ")} left` : "has no node for it";
  return `no node takes its pod: pool ${pool} ${what}${why} (${tidy(message)})`;
}

export function tidy(message: string | undefined): string {
  return (message ?? "no message").replaceAll(/\s+/g, " ").trim().slice(0, 400).replace(/\.$/, "");
}
