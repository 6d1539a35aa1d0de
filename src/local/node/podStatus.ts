import type { V1Container, V1ContainerStatus, V1Pod, V1PodCondition, V1PodStatus } from "@kubernetes/client-node";
import { apiTime } from "./apiTime.ts";
import { allContainers, isRunning, isSidecar, restartAt } from "./containerPlan.ts";
import type { ContainerEnd, ContainerRecord, PodRecord } from "./podRecord.ts";

/** Why a container does not run yet, in kubelet's words, such as `ErrImagePull`. */
export interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

/** What {@link podStatus} needs besides the pod's object and record. */
export interface StatusInput {
  readonly hostIP: string;
  /** Containers that could not be started, by name. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Conditions as last published: a condition keeps its transition time while its status stays. */
  readonly previous: readonly V1PodCondition[];
}

/** The API's JSON has times as text, which the client's types call Date. */
function asDate(text: string): Date {
  return text as unknown as Date;
}

/** The status that the node publishes for a pod. Pure. */
export function podStatus(pod: V1Pod, record: PodRecord, input: StatusInput): V1PodStatus {
  const statusOf = (container: V1Container): V1ContainerStatus => containerStatus(pod, container, record, input);
  const initStatuses = (pod.spec?.initContainers ?? []).map(statusOf);
  const statuses = (pod.spec?.containers ?? []).map(statusOf);
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const unready = [...statuses, ...initStatuses.filter(({ name }) => sidecars.has(name))]
    .filter(({ ready }) => !ready)
    .map(({ name }) => name);
  return {
    phase: phaseOf(pod, record),
    ...(record.outcomeReason ? { reason: record.outcomeReason } : {}),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(record.sandbox || record.outcome ? { podIP: record.address, podIPs: [{ ip: record.address }] } : {}),
    startTime: asDate(record.startTime),
    conditions: conditions(pod, record, unready, input),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
  };
}

function phaseOf(pod: V1Pod, record: PodRecord): string {
  if (record.outcome) return record.outcome;
  const begun = (pod.spec?.containers ?? []).some(({ name }) => (record.containers[name]?.runs ?? 0) > 0);
  return record.initialized && begun ? "Running" : "Pending";
}

function containerStatus(
  pod: V1Pod,
  container: V1Container,
  record: PodRecord,
  { waiting, now }: StatusInput,
): V1ContainerStatus {
  const known = record.containers[container.name];
  const running = isRunning(known);
  const init = !(pod.spec?.containers ?? []).includes(container) && !isSidecar(container);
  const last = known?.end && waitsAgain(pod, container, known, record, now) ? known.end : known?.lastEnd;
  return {
    name: container.name,
    image: container.image ?? "",
    imageID: known?.imageID ?? "",
    ready: init ? known?.end?.exitCode === 0 : running && known?.ready === true,
    started: running && known?.started === true,
    restartCount: Math.max(0, (known?.runs ?? 0) - 1),
    ...(known && known.runs > 0 ? { containerID: containerId(record, known.name, known.runs - 1) } : {}),
    state: containerState(pod, container, known, record, waiting.get(container.name), now),
    ...(last ? { lastState: { terminated: terminated(record, container.name, last) } } : {}),
  };
}

function containerState(
  pod: V1Pod,
  container: V1Container,
  known: ContainerRecord | undefined,
  record: PodRecord,
  waiting: Waiting | undefined,
  now: number,
): NonNullable<V1ContainerStatus["state"]> {
  if (known && isRunning(known)) return { running: { startedAt: asDate(known.startedAt ?? record.startTime) } };
  if (waiting) return { waiting: { ...waiting } };
  if (known?.end) {
    if (!waitsAgain(pod, container, known, record, now)) {
      return { terminated: terminated(record, container.name, known.end) };
    }
    const seconds = Math.ceil(((restartAt(container, pod, known) ?? now) - Date.parse(known.end.finishedAt)) / 1000);
    return {
      waiting: {
        reason: "CrashLoopBackOff",
        message: `back-off ${seconds}s restarting failed container=${container.name} pod=${record.name}_${record.namespace}(${record.uid})`,
      },
    };
  }
  const isInit = pod.spec?.initContainers?.includes(container) ?? false;
  const blocked = !isInit && !record.initialized && (pod.spec?.initContainers?.length ?? 0) > 0;
  return { waiting: { reason: blocked || isInit ? "PodInitializing" : "ContainerCreating" } };
}

function waitsAgain(
  pod: V1Pod,
  container: V1Container,
  known: ContainerRecord,
  record: PodRecord,
  now: number,
): boolean {
  if (record.outcome || pod.metadata?.deletionTimestamp) return false;
  const at = restartAt(container, pod, known);
  return at !== undefined && at > now;
}

function terminated(
  record: PodRecord,
  name: string,
  end: ContainerEnd,
): NonNullable<NonNullable<V1ContainerStatus["state"]>["terminated"]> {
  return {
    exitCode: end.exitCode,
    ...(end.signal ? { signal: end.signal } : {}),
    reason: end.reason,
    ...(end.message ? { message: end.message } : {}),
    startedAt: asDate(end.startedAt),
    finishedAt: asDate(end.finishedAt),
    containerID: containerId(record, name, end.attempt),
  };
}

function containerId(record: PodRecord, name: string, attempt: number): string {
  return `menagerie://${record.uid}/${name}/${attempt}`;
}

function conditions(
  pod: V1Pod,
  record: PodRecord,
  unready: readonly string[],
  { now, previous }: StatusInput,
): V1PodCondition[] {
  const make = (type: string, ok: boolean, reason?: string, message?: string): V1PodCondition => {
    const status = ok ? "True" : "False";
    const before = previous.find((condition) => condition.type === type);
    const kept = before?.status === status ? before.lastTransitionTime : undefined;
    return {
      type,
      status,
      lastTransitionTime: kept ?? asDate(apiTime(now)),
      ...(!ok && reason ? { reason } : {}),
      ...(!ok && message ? { message } : {}),
    };
  };
  const done = record.outcome === "Succeeded" ? "PodCompleted" : record.outcome ? "PodFailed" : undefined;
  const containersReady = !done && record.sandbox !== undefined && unready.length === 0;
  const gates = (pod.spec?.readinessGates ?? []).filter(
    ({ conditionType }) => pod.status?.conditions?.find(({ type }) => type === conditionType)?.status !== "True",
  );
  const reason = done ?? "ContainersNotReady";
  const message = done ? undefined : `containers with unready status: [${unready.join(" ")}]`;
  const incomplete = allContainers(pod)
    .filter((container) => pod.spec?.initContainers?.includes(container))
    .map(({ name }) => name);
  return [
    make("PodReadyToStartContainers", record.sandbox !== undefined && !done),
    make(
      "Initialized",
      record.initialized || record.outcome === "Succeeded",
      "ContainersNotInitialized",
      `containers with incomplete status: [${incomplete.join(" ")}]`,
    ),
    containersReady && gates.length > 0
      ? make("Ready", false, "ReadinessGatesNotReady", `gates not true: ${gates.map((g) => g.conditionType).join(" ")}`)
      : make("Ready", containersReady, reason, message),
    make("ContainersReady", containersReady, reason, message),
  ];
}
