import { explainShortage } from "../capacity/poolShortage.ts";
import type {
  Condition,
  ObservedContainerStatus,
  ObservedDeployment,
  ObservedModel,
  ObservedPod,
  ObservedReplicaSet,
} from "./observed.ts";
import { gpuResource } from "./placement.ts";
import { annotations } from "./servedModel.ts";

/** Whether a model serves its newest revision. `because` completes the sentence "model <name> …, because …". */
export type Readiness =
  | { readonly state: "ready"; readonly pods: readonly string[] }
  | { readonly state: "waiting"; readonly because: string }
  | {
      readonly state: "failed";
      readonly because: string;
      readonly pod?: string;
      readonly container?: string;
      /** The log that tells why is that of the run before: the container has been started again since. */
      readonly previous?: boolean;
    };

/** What is waited for. */
export interface WantedModel {
  /** Value of the revision annotation of the manifest that was applied. */
  readonly revision: string;
  /** Pool that its pods are placed on, for the sentence about a pod that fits nowhere. */
  readonly pool: string;
}

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

/**
 * Judges by the pods of the newest ReplicaSet. The InferenceService's own Ready condition is not asked: it is copied
 * from a Deployment that may count as available with no pod, and stays True during an update.
 */
export function judgeReadiness(wanted: WantedModel, observed: ObservedModel): Readiness {
  const { inferenceService } = observed;
  if (!inferenceService) return waiting("its InferenceService does not exist yet");
  if (inferenceService.metadata?.deletionTimestamp) return waiting("its InferenceService is being deleted");
  if (conditionOf(inferenceService.status?.conditions, "Stopped")?.status === "True") return waiting("it is stopped");

  const deployment = observed.deployments.find((each) => revisionIn(each) === wanted.revision);
  if (!deployment)
    return waiting(`KServe has not taken up this revision yet${complaint(inferenceService.status?.conditions)}`);
  const { generation = 0 } = deployment.metadata ?? {};
  if ((deployment.status?.observedGeneration ?? 0) < generation) return waiting("its Deployment is being rolled out");

  const newest = newestReplicaSet(deployment, observed.replicaSets);
  if (!newest) return waiting("its ReplicaSet does not exist yet");
  const pods = alive(observed.pods).filter((pod) => ownedBy(pod, newest.metadata?.uid));
  for (const pod of pods) {
    const failure = failureOf(pod);
    if (failure) return failure;
  }
  const progressing = conditionOf(deployment.status?.conditions, "Progressing");
  const desired = deployment.spec?.replicas ?? 1;
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    const hindered = hindrance(pods, wanted.pool, observed.capacity) ?? tidy(progressing.message);
    const because = `its rollout stands still: ${hindered}`;
    // Kubernetes says so until a pod is ready, also when what was in the way is gone; Knative gives up, and takes the pods away.
    return desired === 0 ? { state: "failed", because } : waiting(because);
  }
  const ready = pods.filter(isReady);
  if (ready.length < desired) {
    // Not a failure yet: in a new namespace the first pods are refused until its service account exists.
    const refused = conditionOf(deployment.status?.conditions, "ReplicaFailure");
    if (refused?.status === "True") return waiting(`its pods cannot be made: ${tidy(refused.message)}`);
    return waiting(hindrance(pods, wanted.pool, observed.capacity) ?? `${ready.length} of ${desired} pods are ready`);
  }
  const uids = new Set(observed.replicaSets.filter((set) => set !== newest).map((set) => set.metadata?.uid));
  const old = alive(observed.pods).filter((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => uids.has(uid)));
  if (old.length > 0) return waiting(`${old.length} pods of the revision before still serve`);
  return { state: "ready", pods: ready.map((pod) => pod.metadata?.name ?? "") };
}

function waiting(because: string): Readiness {
  return { state: "waiting", because };
}

function revisionIn(deployment: ObservedDeployment): string | undefined {
  return deployment.spec?.template?.metadata?.annotations?.[annotations.revision];
}

function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** What KServe says it cannot do, for a model that stays without a Deployment. */
function complaint(conditions: readonly Condition[] | undefined): string {
  const told = conditions?.find(({ status, message }) => status === "False" && message);
  return told ? `: ${tidy(told.message)}` : "";
}

/** The Deployment controller numbers its ReplicaSets by this annotation. */
function newestReplicaSet(
  deployment: ObservedDeployment,
  sets: readonly ObservedReplicaSet[],
): ObservedReplicaSet | undefined {
  const numberOf = (each: ObservedReplicaSet | ObservedDeployment) =>
    Number(each.metadata?.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
  const own = sets.filter((set) => ownedBy(set, deployment.metadata?.uid));
  return own.find((set) => numberOf(set) === numberOf(deployment) && numberOf(set) > 0);
}

function ownedBy(object: ObservedPod | ObservedReplicaSet, uid: string | undefined): boolean {
  return uid !== undefined && (object.metadata?.ownerReferences?.some((owner) => owner.uid === uid) ?? false);
}

/** Pods that end or have ended do not count: an evicted pod stays as Failed while its ReplicaSet makes another. */
function alive(pods: readonly ObservedPod[]): ObservedPod[] {
  return pods.filter(
    (pod) => !pod.metadata?.deletionTimestamp && !/^(Failed|Succeeded)$/.test(pod.status?.phase ?? ""),
  );
}

function isReady(pod: ObservedPod): boolean {
  return conditionOf(pod.status?.conditions, "Ready")?.status === "True";
}

function containersOf(pod: ObservedPod): readonly ObservedContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** What keeps a pod from ever running, by its containers; undefined while nothing does. */
export function failureOf(pod: ObservedPod): Readiness | undefined {
  const name = pod.metadata?.name ?? "";
  for (const status of containersOf(pod)) {
    const { container, reason = "", message } = { container: status.name, ...status.state?.waiting };
    if (hopeless.has(reason)) {
      return {
        state: "failed",
        because: `container ${container} cannot start (${reason}): ${tidy(message)}`,
        pod: name,
        container,
      };
    }
    const restarts = status.restartCount ?? 0;
    if (reason === "CrashLoopBackOff" || (restarts > toleratedRestarts && !status.ready)) {
      const previous = status.state?.terminated === undefined && restarts > 0;
      return {
        state: "failed",
        because: `container ${container} keeps ending${manner(status)}, ${restarts} restarts so far`,
        pod: name,
        container,
        previous,
      };
    }
  }
  return undefined;
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
 * @param capacity what is known of the pool, where somebody looked
 */
export function hindrance(
  pods: readonly ObservedPod[],
  pool: string,
  capacity?: ObservedModel["capacity"],
): string | undefined {
  const pending = homeless(pods);
  if (pending) {
    const { message = "" } = conditionOf(pending.status?.conditions, "PodScheduled") ?? {};
    const about = capacity && capacity.pod === pending.metadata?.name ? capacity : undefined;
    return unschedulable(pool, message, about ? explainShortage(pool, gpusOf(pending), about) : "");
  }
  for (const pod of pods) {
    for (const { name, state, restartCount = 0 } of containersOf(pod)) {
      const { reason, message } = state?.waiting ?? {};
      if (reason && reason !== "ContainerCreating" && reason !== "PodInitializing") {
        return `container ${name} waits (${reason})${message ? `: ${tidy(message)}` : ""}`;
      }
      if (restartCount > 0) return `container ${name} was started again, ${restartCount} times`;
    }
  }
  return undefined;
}

function gpusOf({ spec }: ObservedPod): number {
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

function tidy(message: string | undefined): string {
  return (message ?? "no message").replaceAll(/\s+/g, " ").trim().slice(0, 400).replace(/\.$/, "");
}
