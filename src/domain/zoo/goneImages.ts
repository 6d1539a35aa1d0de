import { underWay } from "./phases.ts";
import { copyName, type RegisteredVersion } from "./plan.ts";
import type { ZooRegistry } from "./registry.ts";

/** Whether an image is where pods would pull it from. */
export type ImageStanding =
  | { readonly state: "stored" }
  | { readonly state: "gone" }
  | { readonly state: "unknown"; readonly reason: string };

/** A model whose content a config pins. */
export interface PinnedModel {
  /** Name in the database. */
  readonly model: string;
  /** 64 hex digits. */
  readonly hash: string;
}

/**
 * The rows whose images an `up` would have pulled, for their content is pinned and they do not serve now. What serves is left alone:
 * nothing changes for it, and an image that is gone must not block what has nothing to do with it.
 */
export function neededImages({ versions }: ZooRegistry, pinned: readonly PinnedModel[]): ReadonlySet<string> {
  const rows = pinned.flatMap(({ model, hash }) => (versions.get(model) ?? []).filter((row) => row.hash === hash));
  return new Set(rows.filter(isIdle).flatMap(({ image }) => image ?? []));
}

/** The registry without the images that are gone: their content has to be built again from its folder. */
export function withoutImages(registry: ZooRegistry, gone: ReadonlySet<string>): ZooRegistry {
  if (gone.size === 0) return registry;
  const without = (row: RegisteredVersion): RegisteredVersion =>
    row.image !== undefined && gone.has(row.image) && isIdle(row)
      ? { ...row, image: undefined, goneImage: row.image }
      : row;
  return withRows(registry, without);
}

/** A version whose image its next pod needs. */
export interface NeededVersion {
  /** Name of the zoo model. */
  readonly model: string;
  readonly row: RegisteredVersion;
  /** Whether a rollout under way would go back to it. */
  readonly isWayBack: boolean;
}

/** The versions that answer requests, or would after going back: their pods may start anew at any time. */
export function neededVersions({ versions, rollouts }: ZooRegistry): NeededVersion[] {
  return [...rollouts.values()].flatMap(({ model, phase, from }) => {
    const needed = (rows: readonly RegisteredVersion[], isServed: boolean): NeededVersion[] =>
      rows.flatMap((row) => {
        const isWayBack = row.id === from && underWay.includes(phase);
        return row.apps > 0 || isWayBack || (row.isCurrent && isServed) ? [{ model, row, isWayBack }] : [];
      });
    return [
      ...needed(versions.get(model) ?? [], phase !== "off"),
      ...needed(versions.get(copyName(model)) ?? [], phase === "copy"),
    ];
  });
}

/** The registry with a mark at the versions that are needed while their image is gone. */
export function withUnstored(registry: ZooRegistry, gone: ReadonlySet<string>): ZooRegistry {
  const marked = new Set(
    neededVersions(registry).flatMap(({ row }) => (row.image !== undefined && gone.has(row.image) ? [row.id] : [])),
  );
  if (marked.size === 0) return registry;
  return withRows(registry, (row) => (marked.has(row.id) ? { ...row, unstored: true } : row));
}

function withRows(registry: ZooRegistry, change: (row: RegisteredVersion) => RegisteredVersion): ZooRegistry {
  const versions = [...registry.versions].map(([model, rows]) => [model, rows.map(change)] as const);
  return { ...registry, versions: new Map(versions) };
}

/** Who needs a version, such as `new apps use it, 7 apps (4, 5, 6, 9, 12 and 2 more) point at it`. */
export function describeUsers({ row, isWayBack }: Pick<NeededVersion, "row" | "isWayBack">): string {
  const { apps, isCurrent, waitedFor = [] } = row;
  const more = apps - waitedFor.length;
  const named = waitedFor.length === 0 ? "" : ` (${waitedFor.join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
  return [
    ...(isCurrent ? ["new apps use it"] : []),
    ...(apps > 0 ? [apps === 1 ? `1 app${named} points at it` : `${apps} apps${named} point at it`] : []),
    ...(isWayBack ? ["phase reverted needs it"] : []),
  ].join(", ");
}

function isIdle({ isCurrent, apps }: RegisteredVersion): boolean {
  return !isCurrent && apps === 0;
}
