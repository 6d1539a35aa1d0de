/** A registered version of a zoo model. */
export interface RegisteredVersion {
  readonly id: string;
  readonly number: number;
  readonly hash: string;
  readonly isCurrent: boolean;
  /** Apps whose predictions it answers. */
  readonly apps: number;
}

/** What the plans were made from: the database, the knowledge that there is none yet, or nothing. */
export type PlanBasis = "read" | "new database" | "not checked";

/** The version that an `up` serves a zoo model's content as. */
export interface VersionPlan {
  readonly number: number;
  /** Id of the row; undefined until it is registered. */
  readonly versionId: string | undefined;
  /** Version that was current before and is not served any more after the `up`, with the apps that point at it. */
  readonly leavesBehind: { readonly number: number; readonly apps: number } | undefined;
}

/**
 * Plans the number of a model's content: that of the row with the same hash, else the highest plus one, so that a
 * number never stands for two contents.
 */
export function planVersion(hash: string, registered: readonly RegisteredVersion[]): VersionPlan {
  const same = registered.find((version) => version.hash === hash);
  const highest = Math.max(0, ...registered.map((version) => version.number));
  const current = registered.find((version) => version.isCurrent);
  const leaves = current && current.hash !== hash && current.apps > 0 ? current : undefined;
  return {
    number: same?.number ?? highest + 1,
    versionId: same?.id,
    leavesBehind: leaves && { number: leaves.number, apps: leaves.apps },
  };
}

/** The plan in a few words, such as `version 3 (new)`. */
export function describePlan(plan: VersionPlan, basis: PlanBasis): string {
  if (basis === "not checked") return `version ${plan.number} as of the last up: the database was not checked`;
  if (basis === "new database") return `version ${plan.number} (new database)`;
  return `version ${plan.number} (${plan.versionId === undefined ? "new" : `registered as ${plan.versionId}`})`;
}

/** Name of the InferenceService of one version of a zoo model; Kubernetes knows no underscores. */
export function versionedName(model: string, number: number): string {
  return `${model.replaceAll("_", "-")}-v${number}`;
}
