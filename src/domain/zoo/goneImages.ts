import type { RegisteredVersion } from "./plan.ts";
import type { ZooRegistry } from "./registry.ts";

/** Whether an image is where pods would pull it from. */
export type ImageStanding =
  | { readonly state: "stored" }
  | { readonly state: "gone" }
  | { readonly state: "unknown"; readonly because: string };

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
  const versions = [...registry.versions].map(([model, rows]) => [model, rows.map(without)] as const);
  return { ...registry, versions: new Map(versions) };
}

function isIdle({ isCurrent, apps }: RegisteredVersion): boolean {
  return !isCurrent && apps === 0;
}
