import type * as pulumi from "@pulumi/pulumi";
import type { PlannedState } from "../domain/release/plannedState.ts";
import type { EnvironmentSource, Placement } from "../domain/serving/servedModel.ts";
import type { ImageBuilder } from "../resources/trussImage.ts";
import type { EnvironmentOutputs } from "./outputs.ts";

/** Nodes that models may run on. */
export interface DeclaredPool extends pulumi.Resource {
  readonly placement: Placement;
}

/** The API service, for versions that it patches. */
export interface DeclaredServices extends pulumi.Resource {
  /** The stack's own API key. A secret. */
  readonly adminKey: pulumi.Output<string>;
  /** Where a development version's control server asks for patches. A secret. */
  pingUrl(versionId: pulumi.Input<string>): pulumi.Output<string>;
}

/** A role that logs in. */
export interface LoginRole {
  readonly name: string;
  /** A secret. */
  readonly password: pulumi.Output<string>;
}

/** The platform's tables. */
export interface DeclaredTables extends pulumi.Resource {
  /** Login of the API service. */
  readonly api: LoginRole;
  /** Login of the guard. */
  readonly guard: LoginRole;
  /** Login of the console. */
  readonly console: LoginRole;
  /** Exists once every role has its rights. */
  readonly schema: pulumi.Resource & { readonly version: pulumi.Output<string> };
}

/** Environment variables of workloads. */
export interface DeclaredVariables extends pulumi.Resource {
  readonly source: EnvironmentSource;
}

/** The state of the release that models run in. */
export interface DeclaredState {
  /** For what works in the state: its pods start anew with each release. */
  readonly environment: EnvironmentSource;
  /** For everything else: the same in every release. */
  readonly shared: EnvironmentSource;
  readonly release: { readonly tag: string; readonly schema: string };
  /** What a workload of the release waits for. */
  readonly ready: readonly pulumi.Resource[];
}

/** The state of a release, kept or current. */
export interface DeclaredRelease extends pulumi.Resource {
  /** Exists once its logins have their rights. */
  readonly state: pulumi.Resource;
}

/** A random value that is made once. */
export interface DeclaredSecret extends pulumi.Resource {
  /** A secret. */
  readonly value: pulumi.Output<string>;
}

/** Tables of recorded predictions. */
export interface DeclaredStore extends pulumi.Resource {
  readonly schema: string;
  /** Exist once the recorder's login has its rights. */
  readonly tables: pulumi.Resource;
}

/** What components say of themselves, by name. */
export type DeclaredOutputs = {
  readonly [Part in "models" | "rollouts" | "shadows" | "recordings"]: Record<string, EnvironmentOutputs[Part][string]>;
};

/** What an environment has once it was declared; each component finds here what it stands on, and adds itself. */
export interface EnvironmentParts {
  /** What every workload waits for: the models' namespace, Secrets that models mount. */
  readonly ready: pulumi.Resource[];
  /** What the models of a release wait for besides. */
  readonly ofRelease: pulumi.Resource[];
  /** The Pipeline that builds images; undefined where images are laid out on this machine, or another program has it. */
  builder: ImageBuilder | undefined;
  /** The platform's tables; undefined where another program declares them. */
  tables: DeclaredTables | undefined;
  services: DeclaredServices | undefined;
  state: DeclaredState | undefined;
  /** What every workload is configured by, whatever the release. */
  shared: DeclaredVariables | undefined;
  /** States of releases, with what was planned for each. */
  readonly releases: { readonly schema: DeclaredRelease; readonly state: PlannedState }[];
  /** Where predictions are stored, by the component's name. */
  readonly stores: Record<string, DeclaredStore>;
  /** Key of the pseudonyms that stand in for redacted values. */
  pseudonyms: DeclaredSecret | undefined;
}
