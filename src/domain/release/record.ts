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
