import type { ObservedCapacity } from "../capacity/poolShortage.ts";
import type { Condition } from "./condition.ts";

/** What the readiness judge reads of Kubernetes objects: the parts it looks at, nothing more. */
interface ObjectMeta {
  readonly name?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly uid: string; readonly kind: string }[];
  readonly deletionTimestamp?: string | Date;
}

export interface ObservedInferenceService {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly transformer?: Pick<ObjectMeta, "annotations"> };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export interface ObservedDeployment {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly metadata?: ObjectMeta } };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

export interface ObservedReplicaSet {
  readonly metadata?: ObjectMeta;
}

export interface ObservedContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string | Date };
    readonly terminated?: ObservedTermination;
  };
  readonly lastState?: { readonly terminated?: ObservedTermination };
}

export interface ObservedTermination {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly startedAt?: string | Date;
  readonly finishedAt?: string | Date;
}

export interface ObservedPod {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly nodeName?: string;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly containers?: readonly {
      readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> };
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly initContainerStatuses?: readonly ObservedContainerStatus[];
    readonly containerStatuses?: readonly ObservedContainerStatus[];
  };
}

/** Everything of one InferenceService that exists at one moment; old revisions included. */
export interface ObservedModel {
  readonly inferenceService: ObservedInferenceService | undefined;
  readonly deployments: readonly ObservedDeployment[];
  readonly replicaSets: readonly ObservedReplicaSet[];
  readonly pods: readonly ObservedPod[];
  /** Why a pod among them finds no node, where somebody looked. */
  readonly capacity?: ObservedCapacity | undefined;
}
