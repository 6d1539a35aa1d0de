import type * as pulumi from "@pulumi/pulumi";
import type { ShadowDeploymentSpec, ZooEntrySpec } from "../config/environment.ts";
import type { ModelRecording } from "../domain/recording/settings.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import type { RecordedServing } from "../domain/zoo/serving.ts";
import type { Sticky, TrafficSplit } from "../domain/zoo/traffic.ts";
import type { LastOutputs } from "../plan/platform.ts";

/** One rollout, as the stack's outputs show it. */
export interface RolloutOutput {
  /** As the config has it. */
  readonly phase: ZooEntrySpec["phase"];
  /** Id of the registered version; null for a stack without a database. */
  readonly versionId: pulumi.Output<string> | null;
  /** Number of the version; null for a stack without a database. */
  readonly version: number | null;
  /** Content hash of the version that new apps use, or of the copy in phase `copy`. */
  readonly hash: string;
  /** When the model entered its phase; null for a stack without a database. */
  readonly since: pulumi.Output<string> | null;
  /** Id of the version that the rollout leaves. */
  readonly from: string | null;
  /** How the model's own requests are divided; left out where one version answers all. `weight` is the new version's percent. */
  readonly traffic?: Pick<TrafficSplit, "weight" | "control"> & { readonly sticky?: Sticky };
  /** Percent of the organizations whose apps move, beside `traffic`; 0 where none moves. */
  readonly share?: number;
  /** Pods that the version it leaves keeps until it is done. Left out for its usual ones. */
  readonly keptPods?: number;
  /** How a guard took it back, or holds it: when, why, and by which verdict. Left out where none did. */
  readonly takenBack?:
    | { readonly action: "revert" | "hold"; readonly at: string; readonly reason: string; readonly verdict: string }
    | undefined;
  /** All that are served; a preview without the database plans from them. */
  readonly versions: readonly {
    readonly id: pulumi.Input<string>;
    readonly number: number;
    readonly hash: string;
    readonly isCurrent: boolean;
    readonly apps: number;
    readonly image: pulumi.Input<string>;
    readonly serving: pulumi.Input<RecordedServing>;
  }[];
}

/** One served model, as the stack's outputs show it. */
export interface ModelOutput {
  /** Of the InferenceService. */
  readonly name: pulumi.Input<string>;
  /** Kubernetes namespace that it is served in. */
  readonly namespace: string;
  /** What declares it: an entry of `zoo`, `development` or `shadows`. */
  readonly kind: "zoo" | "development" | "shadow";
  /** KServe deployment mode. */
  readonly mode: ZooEntrySpec["mode"];
  /** Node pool of its pods. */
  readonly pool: string;
  /** The truss folder, relative to the project. */
  readonly truss: string;
  /** Content hash of that folder at this `up`. */
  readonly hash: string;
  /** Development versions: content of the last full deployment, which patches start from. */
  readonly baseHash?: string;
  /** Id of the registered version; null for a stack without a database, and for models of a shadow deployment. */
  readonly versionId: pulumi.Output<string> | null;
  /** Number of the version; null where `versionId` is. */
  readonly version: number | null;
  /** `<url>@<digest>` of the image. */
  readonly image: pulumi.Output<string>;
  /** Address that takes predictions. */
  readonly url: string;
}

/** One model of a shadow deployment, as `menagerie compare` needs it. */
export interface ShadowSideOutput {
  /** Name of the InferenceService. */
  readonly service: string;
  /** The truss folder, relative to the project. */
  readonly truss: string;
  /** Content hash of that folder. */
  readonly hash: string;
  /** `model_version` of its recorded answers. */
  readonly version: string;
  /** Schema of its prediction tables. */
  readonly schema: string;
}

/** One shadow deployment. */
export interface ShadowOutput extends Pick<ShadowDeploymentSpec, "percent" | "compare" | "retentionDays" | "redact"> {
  /** Address that takes predictions. */
  readonly url: string;
  /** The model that answers. */
  readonly primary: ShadowSideOutput;
  /** Models that get copies, by name. */
  readonly shadows: Readonly<Record<string, ShadowSideOutput>>;
  /** The primary's second copy; null without a noise floor. */
  readonly noise: ShadowSideOutput | null;
  /** What a shadow has to show; null where none is declared. */
  readonly gate: ShadowDeploymentSpec["gate"] | null;
}

/** Recorded predictions of a zoo model, of all of its versions. */
export interface RecordingOutput extends ModelRecording {
  /** Schema of its prediction tables. */
  readonly schema: string;
  /** Address that takes predictions; null for a model that is off. */
  readonly url: string | null;
  /** Versions that are recorded, the one that answers for the model first; none while recording is paused. */
  readonly versions: readonly {
    readonly number: number;
    /** `model_version` of its recorded answers. */
    readonly version: string;
  }[];
}

/** The state of a release, as the stack's outputs show it. `values` is what its ConfigMap says. */
export interface StateOutput extends Omit<PlannedState, "tag"> {
  /** Whether it is that of the current release. */
  readonly current: boolean;
  /** Kubernetes namespace of its workloads. */
  readonly namespace: string;
}

/** How the roles of a stack's database have their rights: `sql` once no grant of its state is one that the engine would revoke. */
export type RightsOutput = "sql" | null;

/** Outputs of a stack; parts that an environment does not have are null. */
export interface EnvironmentOutputs {
  /** Address of the gateway, as clients reach it. */
  readonly gatewayUrl: string;
  /** Address of the API service; null for a stack without a database. */
  readonly apiUrl: string | null;
  /** Context of the kubeconfig that it is deployed by; null for the kubeconfig's current one. */
  readonly kubeContext: string | null;
  /** What is served, by name: zoo models, development versions and shadow deployments. */
  readonly models: Readonly<Record<string, ModelOutput>>;
  /** Where each zoo model stands, by name. */
  readonly rollouts: Readonly<Record<string, RolloutOutput>>;
  /** Shadow deployments by name. */
  readonly shadows: Readonly<Record<string, ShadowOutput>>;
  /** Where recorded predictions are, by zoo model. */
  readonly recordings: Readonly<Record<string, RecordingOutput>>;
  /** Tag of the release; null for a stack without a database. */
  readonly release: pulumi.Output<string> | null;
  /** States of the release and of those that are kept, by tag; null for a stack without any. */
  readonly states: Readonly<Record<string, StateOutput>> | null;
  /** Name of the last migration of the platform's tables; null for a stack without a database. */
  readonly schemaVersion: pulumi.Output<string> | null;
  /** `sql` where roles have their rights by the SQL files alone; null before that, and for a stack without a database. */
  readonly rights: pulumi.Input<RightsOutput>;
}

/**
 * Outputs of a run that deploys one development version alone: of everything else they say what the last `up` said, since
 * that is what is deployed.
 */
export function outputsOfOne(made: EnvironmentOutputs, last: LastOutputs, model: string): EnvironmentOutputs {
  const models = { ...last.models, ...(made.models[model] ? { [model]: made.models[model] } : {}) };
  // What the last `up` printed has the same shape, its outputs known.
  return { ...made, ...last, models } as EnvironmentOutputs;
}
