/** One change of which version answers an app. */
export interface AppMove {
  readonly kind: "made" | "forward" | "back";
  readonly at: Date;
  /** Number of the version before; null where it was made, or that version is gone. */
  readonly fromVersion: number | null;
  /** The zoo model that answers; empty where it is gone. */
  readonly model: string;
  /** Number of the version that answers since; null where it is gone. */
  readonly toVersion: number | null;
  /** Name of the migration that moved it; empty where it was made. */
  readonly because: string;
}

/** Such as `iris v1 → v2`. */
export function describeMove({ kind, model, fromVersion, toVersion }: AppMove): string {
  const version = (number: number | null): string => (number === null ? "a version that is gone" : `v${number}`);
  return kind === "made"
    ? `made, answered by ${model} ${version(toVersion)}`
    : `${model} ${version(fromVersion)} → ${version(toVersion)}`;
}

/** Why it moved, such as `moved back by iris`. */
export function causeOfMove({ kind, because }: AppMove): string {
  return kind === "made" ? "" : `${kind === "back" ? "moved back" : "moved forward"} by the migration ${because}`;
}
