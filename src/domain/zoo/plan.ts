import { generatedPart, longestPart, serviceNames } from "../generatedNames.ts";
import type { RecordedServing } from "./serving.ts";

/** A registered version of a zoo model. */
export interface RegisteredVersion {
  readonly id: string;
  readonly number: number;
  readonly hash: string;
  readonly isCurrent: boolean;
  /** Apps whose predictions it answers. */
  readonly apps: number;
  /** Those of them that may stay by choice: no phase waits for them. @default none */
  readonly left?: number | undefined;
  /** Ids of the first of the others, to name them. @default not known */
  readonly waitedFor?: readonly string[] | undefined;
  /** `<url>@sha256:<64 hex>`; undefined where an earlier Menagerie registered it. */
  readonly image?: string | undefined;
  /** An image that it had and that is not stored any more. @default it is, or nobody looked */
  readonly goneImage?: string | undefined;
  /** {@link image} is not stored any more, though requests or a way back need it. @default it is, or nobody looked */
  readonly unstored?: true | undefined;
  /** How it is served; undefined where an earlier Menagerie registered it. */
  readonly serving?: RecordedServing | undefined;
}

/** What the plans were made from: the database, the knowledge that there is none yet, or nothing. */
export type PlanBasis = "read" | "new database" | "not checked";

/** The version that an `up` serves a zoo model's content as. */
export interface VersionPlan {
  readonly number: number;
  /** Id of the row; undefined until it is registered. */
  readonly versionId: string | undefined;
}

/**
 * Plans the number of a model's content: that of the row with the same hash, else the highest plus one, so that a
 * number never stands for two contents.
 */
export function planVersion(hash: string, registered: readonly RegisteredVersion[]): VersionPlan {
  const same = registered.find((version) => version.hash === hash);
  const highest = Math.max(0, ...registered.map((version) => version.number));
  return { number: same?.number ?? highest + 1, versionId: same?.id };
}

/**
 * The plan in a few words, such as `version 3 (new)`.
 *
 * @param isGone - whether the image of its row is not stored any more
 */
export function describePlan(plan: VersionPlan, basis: PlanBasis, isGone = false): string {
  if (basis === "not checked") return `version ${plan.number} as of the last up: the database was not checked`;
  if (basis === "new database") return `version ${plan.number} (new database)`;
  const built = isGone ? "built again, because its image is not stored any more" : "not built again";
  return `version ${plan.number} (${plan.versionId === undefined ? "new" : `registered as ${plan.versionId}, ${built}`})`;
}

/** End of a copy's name in the database; no zoo model's own name may end like this. */
export const copySuffix = "_copy";

/** Name in the database of the copy that a rollout tries first. */
export function copyName(model: string): string {
  return model + copySuffix;
}

/** Name in Kubernetes of a zoo model: as in config, with dashes, because Kubernetes knows no underscores. */
export function kubernetesName(model: string): string {
  return model.replaceAll("_", "-");
}

/**
 * Name of the InferenceService of one version of a zoo model. A copy is served by one,
 * whatever its version.
 */
export function versionedName(model: string, number: number): string {
  const name = kubernetesName(model);
  return model.endsWith(copySuffix) ? name : `${name}-v${number}`;
}

/** Whether an InferenceService may get a name of its own each time it is made, so that it answers beside the one that it replaces. */
export function generatedNameFits(name: string, where: Parameters<typeof serviceNames>[0]): boolean {
  return name.length <= longestPart(serviceNames(where, generatedPart));
}
