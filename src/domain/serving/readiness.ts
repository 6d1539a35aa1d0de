import { counted } from "../counted.ts";
import type { Condition } from "./condition.ts";
import type {
  ObservedDeployment,
  ObservedInferenceService,
  ObservedModel,
  ObservedPod,
  ObservedReplicaSet,
} from "./observed.ts";
import {
  alive,
  conditionOf,
  failureOf,
  gpusOf,
  hindrance,
  homeless,
  isReady,
  tidy,
  type UnreadyPod,
  unreadySince,
} from "./pods.ts";
import { annotations, type DeploymentMode, labels, stopAnnotation } from "./servedModel.ts";

/** Whether something serves its newest revision. `reason` completes the sentence "<name> …: <reason>". */
export type Readiness =
  | { readonly state: "ready"; readonly pods: readonly string[] }
  /** Without pods while nobody uses it: the next request starts one. */
  | { readonly state: "asleep"; readonly reason: string }
  /** Stopped on purpose: it has no pods until somebody starts it. */
  | { readonly state: "stopped"; readonly reason: string }
  /** Its pods wait for a node with GPUs. */
  | { readonly state: "unplaced"; readonly reason: string }
  | {
      readonly state: "starting";
      readonly reason: string;
      /** Pods that answer meanwhile, of this revision or the one before. */
      readonly answering: number;
      /** What is not ready yet, where a container of it runs. */
      readonly unready?: UnreadyPod | undefined;
    }
  | {
      readonly state: "down";
      readonly reason: string;
      readonly pod?: string;
      readonly container?: string;
      /** The log that tells why is that of the run before: the container has been started again since. */
      readonly previous?: boolean;
    };

/** What is judged. */
export interface WantedModel {
  /** Value of the revision annotation of the manifest that was applied. */
  readonly revision: string;
  /** Pool that its pods are placed on, for the sentence about a pod that fits nowhere. */
  readonly pool?: string;
  readonly mode: DeploymentMode;
}

/**
 * Judges by the pods of the newest ReplicaSet. The InferenceService's own Ready condition is not asked: it is copied
 * from a Deployment that may count as available with no pod, and stays True during an update.
 */
export function judgeReadiness(wanted: WantedModel, observed: ObservedModel): Readiness {
  const { inferenceService } = observed;
  if (!inferenceService) return starting("its InferenceService does not exist yet");
  if (inferenceService.metadata?.deletionTimestamp) return starting("its InferenceService is being deleted");
  if (isStopped(inferenceService)) return stopped(inferenceService);

  const deployment = observed.deployments.find((each) => revisionIn(each) === wanted.revision);
  if (!deployment) {
    const reason = `KServe has not taken up this revision yet${complaint(inferenceService.status?.conditions)}`;
    return starting(reason, alive(observed.pods).filter(isReady).length);
  }
  return judgeDeployment(deployment, observed, wanted);
}

/**
 * The same of a Deployment, such as one that no InferenceService stands behind.
 * @param observed ReplicaSets and pods of what is judged and of nothing else
 */
export function judgeDeployment(
  deployment: ObservedDeployment,
  observed: Pick<ObservedModel, "replicaSets" | "pods" | "capacity">,
  { pool, mode = "Standard" }: { readonly pool?: string; readonly mode?: DeploymentMode },
): Readiness {
  const sets = new Set(observed.replicaSets.map(({ metadata }) => metadata?.uid));
  const living = alive(observed.pods).filter(({ metadata }) =>
    metadata?.ownerReferences?.some(({ uid }) => sets.has(uid)),
  );
  const answering = living.filter(isReady).length;
  const waits = (reason: string, unready?: UnreadyPod): Readiness => starting(reason, answering, unready);
  const { generation = 0 } = deployment.metadata ?? {};
  if ((deployment.status?.observedGeneration ?? 0) < generation) return waits("its Deployment is being rolled out");

  const newest = newestReplicaSet(deployment, observed.replicaSets);
  if (!newest) return waits("its ReplicaSet does not exist yet");
  const pods = living.filter((pod) => ownedBy(pod, newest.metadata?.uid));
  for (const pod of pods) {
    const failure = failureOf(pod);
    if (failure) return failure;
  }
  const progressing = conditionOf(deployment.status?.conditions, "Progressing");
  const desired = deployment.spec?.replicas ?? 1;
  const hindered = () => hindrance(pods, pool, observed.capacity);
  if (progressing?.reason === "ProgressDeadlineExceeded" && pods.filter(isReady).length < Math.max(desired, 1)) {
    const reason = `its rollout stands still: ${hindered() ?? tidy(progressing.message)}`;
    // Kubernetes says so until a pod is ready, also when what was in the way is gone; Knative gives up, and takes the pods away.
    if (desired === 0) return { state: "down", reason };
    return waitsForGpu(pods) ? { state: "unplaced", reason } : waits(reason, unreadyOf(pods));
  }
  if (desired === 0) {
    if (mode === "Knative") return { state: "asleep", reason: "it is scaled to zero; the next request starts it" };
    const name = deployment.metadata?.name;
    return { state: "down", reason: `Deployment ${name} is scaled to 0 pods` };
  }
  const ready = pods.filter(isReady);
  if (ready.length < desired) {
    // Not a failure yet: in a new namespace the first pods are refused until its service account exists.
    const refused = conditionOf(deployment.status?.conditions, "ReplicaFailure");
    if (refused?.status === "True") return waits(`its pods cannot be made: ${tidy(refused.message)}`);
    const reason = hindered() ?? `${ready.length} of ${desired} pods are ready`;
    return waitsForGpu(pods) ? { state: "unplaced", reason } : waits(reason, unreadyOf(pods));
  }
  const old = living.filter((pod) => !ownedBy(pod, newest.metadata?.uid));
  if (old.length > 0)
    return waits(`${counted(old.length, "pod")} of the revision before still ${old.length === 1 ? "serves" : "serve"}`);
  return { state: "ready", pods: ready.map((pod) => pod.metadata?.name ?? "") };
}

function starting(reason: string, answering = 0, unready?: UnreadyPod): Readiness {
  return { state: "starting", reason, answering, ...(unready ? { unready } : {}) };
}

/** KServe's condition follows the annotation. */
function isStopped({ metadata, status }: ObservedInferenceService): boolean {
  return (
    metadata?.annotations?.[stopAnnotation] === "true" || conditionOf(status?.conditions, "Stopped")?.status === "True"
  );
}

/** Requests to a development version, and to one that may sleep, go through the API service, which starts it. */
function stopped({ metadata }: ObservedInferenceService): Readiness {
  const byRequest = "the next request starts it";
  if (metadata?.labels?.[labels.kind] === "development") return { state: "stopped", reason: byRequest };
  if (metadata?.annotations?.[annotations.idleMinutes] !== undefined) return { state: "asleep", reason: byRequest };
  return { state: "stopped", reason: `annotation ${stopAnnotation} is set` };
}

function waitsForGpu(pods: readonly ObservedPod[]): boolean {
  const pending = homeless(pods);
  return pending !== undefined && gpusOf(pending) > 0;
}

function unreadyOf(pods: readonly ObservedPod[]): UnreadyPod | undefined {
  return pods.map(unreadySince).find((each) => each !== undefined);
}

function revisionIn(deployment: ObservedDeployment): string | undefined {
  return deployment.spec?.template?.metadata?.annotations?.[annotations.revision];
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
