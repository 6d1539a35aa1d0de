import type { ZooEntrySpec } from "../src/config/environment.ts";
import type { Environment } from "../src/environment/environment.ts";

/** What every component of the platform is declared on. */
export interface OnEnvironment {
  /** The cluster, the database and what was read of both. */
  readonly environment: Environment;
}

/** What one pod gets: cores, bytes with a suffix, whole GPUs. */
export interface ResourceArgs {
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
  readonly gpus?: number | undefined;
}

/** How a model runs, in the words of a stack's config. */
export interface ModelArgs {
  /** Truss folder, relative to the program's folder and inside it, such as `models/iris`. */
  readonly truss: string;
  /**
   * Node pool of the pods: the name of a `GpuNodePool` of the same environment.
   * @default cpu, the cluster's ordinary nodes
   */
  readonly pool?: string | undefined;
  /**
   * What one pod gets: cores, bytes with a suffix, whole GPUs.
   * @default { cpu: "1", memory: "2Gi" }, and one GPU on a pool that has any
   */
  readonly resources?: ResourceArgs | undefined;
  /**
   * Environment variables of the model's container. Not for secrets.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * KServe deployment mode, `Standard` or `Knative`; changing it replaces the InferenceService.
   * @default that of the environment
   */
  readonly mode?: ZooEntrySpec["mode"] | undefined;
}

/** A model with as many pods as it needs. */
export interface ScaledModelArgs extends ModelArgs {
  /**
   * Pods.
   * @default { min: 1, max: 1 }
   */
  readonly replicas?: Partial<ZooEntrySpec["replicas"]> | undefined;
}
