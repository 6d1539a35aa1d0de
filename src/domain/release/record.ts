import type { Combination } from "./combination.ts";
import type { DeployedModel } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
import type { ReleasePlan } from "./plan.ts";

/** What an `up` is about to make of an environment. */
export interface DeploymentIntent extends Omit<ReleasePlan, "recorded"> {
  /** Name of the stack. */
  readonly environment: string;
  /** What is to be served. */
  readonly planned: readonly DeployedModel[];
  /** Schema of the release's state; null for one without. */
  readonly stateSchema: string | null;
  /** The stack's config without its secrets, as JSON. */
  readonly config: string;
  /** `<environment>/<tag>` that was promoted to here; null otherwise. */
  readonly promotedFrom: string | null;
}

/** Who runs an `up`, and which. */
export interface DeploymentRun {
  /** Such as `ada@laptop`. */
  readonly requestedBy: string;
  /** Link or name of the run. */
  readonly run: string;
  /** Commit of the code, followed by `-dirty` where files differ from it; null outside a git repository. */
  readonly commit: string | null;
}

/** Who closed an intent. */
export type SettledBy = "up" | "next up" | "api";

/** One closed deployment that was, or is, current. */
export interface DeploymentRange {
  /** In the order of deployments, whatever clocks say. */
  readonly id: string;
  readonly environment: string;
  readonly tag: string;
  readonly scheme: string;
  readonly code: string;
  readonly outcome: Exclude<Outcome, "unchanged">;
  /** What was served when it was closed. */
  readonly models: readonly DeployedModel[];
  readonly since: Date;
  /** Null for the current one. */
  readonly until: Date | null;
  readonly stateSchema: string | null;
  readonly configDigest: string;
  readonly commit: string | null;
  readonly promotedFrom: string | null;
  readonly requestedBy: string;
  readonly run: string;
  readonly settledBy: SettledBy;
  readonly reason: string | null;
}

/** A deployment with the config that it was made from. */
export interface RestorableDeployment extends DeploymentRange {
  /** Keys without their prefix; without secrets. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What was served, to compare; a version that nobody knows is 0. */
export function combinationOf({ code, models }: DeploymentRange): Combination {
  return { code, models: models.map((model) => ({ ...model, version: model.version ?? 0 })) };
}

/** One of several deployments, of which only those models are told that not all of them have alike. */
export interface ChangingRange extends DeploymentRange {
  /** How many models it has besides. @default none: all are told */
  readonly alike?: number | undefined;
}

/** A rollout that the guard took back, or holds: a part of the record beside the deployments, also while one of them is under way. */
export interface RecordedTakeBack {
  readonly id: string;
  /** Name of the zoo model. */
  readonly model: string;
  /** Numbers of the old version and the new one. */
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly hash: string;
  readonly action: "revert" | "hold";
  readonly at: Date;
  /** Null while it is under way. */
  readonly doneAt: Date | null;
  readonly settledBy: "guard";
  /** Id of the verdict that it follows from. */
  readonly cause: string;
  readonly reason: string;
  /** An operator's word that it was a false alarm; null where nobody resumed it. */
  readonly resumed: { readonly by: string; readonly because: string; readonly at: string } | null;
}

/** One attempt to deploy, whatever came of it. */
export interface DeploymentAttempt extends Pick<DeploymentRange, "id" | "environment" | "tag" | "requestedBy" | "run"> {
  readonly commit: string | null;
  /** What was to be served. */
  readonly intended: readonly DeployedModel[];
  readonly beganAt: Date;
  /** Null while it is open. */
  readonly endedAt: Date | null;
  /** `open` until its `up` came to an end, or somebody settled it. */
  readonly outcome: Outcome | "open";
  readonly settledBy: SettledBy | null;
  readonly reason: string | null;
}
