import type * as pulumi from "@pulumi/pulumi";
import type { ZooEntrySpec } from "../config/environment.ts";
import type { VersionServing } from "../domain/zoo/serving.ts";

/** One rollout, as the stack's outputs show it. */
export interface RolloutOutput {
  readonly phase: ZooEntrySpec["phase"];
  /** Id of the registered version; null for a stack without a database. */
  readonly versionId: pulumi.Output<string> | null;
  /** Number of the version; null for a stack without a database. */
  readonly version: number | null;
  readonly hash: string;
  /** When the model entered its phase; null for a stack without a database. */
  readonly since: pulumi.Output<string> | null;
  /** Id of the version that the rollout leaves. */
  readonly from: string | null;
  /** All that are served; a preview without the database plans from them. */
  readonly versions: readonly {
    readonly id: pulumi.Input<string>;
    readonly number: number;
    readonly hash: string;
    readonly isCurrent: boolean;
    readonly apps: number;
    readonly image: pulumi.Input<string>;
    readonly serving: VersionServing;
  }[];
}

/** One served model, as the stack's outputs show it. */
export interface ModelOutput {
  readonly name: string;
  readonly namespace: string;
  readonly kind: "zoo" | "development";
  readonly mode: ZooEntrySpec["mode"];
  readonly pool: string;
  /** The truss folder, relative to the project. */
  readonly truss: string;
  /** Content hash of that folder at this `up`. */
  readonly hash: string;
  /** Development versions: content of the last full deployment, which patches start from. */
  readonly baseHash?: string;
  readonly versionId: pulumi.Output<string> | null;
  readonly version: number | null;
  readonly image: pulumi.Output<string>;
  readonly url: string;
}

/** Outputs of a stack; parts that an environment does not have are null. */
export interface EnvironmentOutputs {
  readonly gatewayUrl: string;
  readonly apiUrl: string | null;
  readonly models: Readonly<Record<string, ModelOutput>>;
  readonly rollouts: Readonly<Record<string, RolloutOutput>>;
  /** Tag of the release; null for a stack without a database. */
  readonly release: pulumi.Output<string> | null;
  /** Name of the last migration of the platform's tables; null for a stack without a database. */
  readonly schemaVersion: pulumi.Output<string> | null;
}
