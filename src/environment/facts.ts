import type * as pulumi from "@pulumi/pulumi";
import type { SecretSource } from "../domain/serving/secrets.ts";
import type { PlannedDevelopment } from "../plan/development.ts";
import type { PlatformPlan } from "../plan/platform.ts";
import type { PlannedRelease } from "../plan/release.ts";
import type { StatePlan } from "../plan/state.ts";
import type { ZooModelPlan } from "../plan/zooModel.ts";

/** What the program learns of the world before it declares anything: the plans of `src/plan`. */
export interface EnvironmentFacts {
  /**
   * Name of the environment of `menagerie`, for commands that are printed.
   * @default a stack of the user's own engine
   */
  readonly environment?: string | undefined;
  /** Content hash by truss folder, of every folder that is read. */
  readonly trussHashes: ReadonlyMap<string, string>;
  /** What is served of each zoo model, by name. */
  readonly zoo: ReadonlyMap<string, ZooModelPlan>;
  /**
   * Where the secrets of each served version come from, by name of its InferenceService; of development versions by model.
   * @default none has any
   */
  readonly secretSources?: ReadonlyMap<string, readonly SecretSource[]>;
  /**
   * The database, and what it held when plans were made.
   * @default the stack has no database
   */
  readonly platform?: PlatformPlan | undefined;
  /**
   * Planned development versions, by model.
   * @default the stack has none
   */
  readonly development?: ReadonlyMap<string, PlannedDevelopment>;
  /**
   * The release that is deployed.
   * @default nothing is recorded
   */
  readonly release?: PlannedRelease | undefined;
  /** Whether the run is about some of the stack's resources only. @default false */
  readonly isPartial?: boolean | undefined;
  /**
   * Planned states of releases.
   * @default the stack has none
   */
  readonly state?: StatePlan | undefined;
  /**
   * Build service for what clients push, as the API service's pods reach it. The token is a secret.
   * @default clients cannot push
   */
  readonly builds?: { readonly url: string; readonly token: string } | undefined;
  /** Whether the gateway is a process of the embedded environment, and no pod. @default it is pods */
  readonly isEmbedded?: boolean | undefined;
  /** Content hash of the services' code: needed where the services' image is the checkout. */
  readonly serviceHash?: string | undefined;
  /** Image store and cache of the embedded environment: needed where it builds by Tekton. */
  readonly buildFolders?: { readonly store: string; readonly cache: string } | undefined;
  /** Url by which the guard reaches the apps of `spec.migrationTarget`. @default it does not */
  readonly guardUrl?: pulumi.Output<string> | undefined;
  /** Token of `spec.prometheus`. @default it takes none */
  readonly prometheusToken?: pulumi.Output<string> | undefined;
  /** Values of the secrets that the stack's config holds: needed where `spec.secrets` names any. */
  readonly secrets?: pulumi.Output<Readonly<Record<string, string>>>;
}
