/** A release whose state is in the database. */
export interface StoredRelease {
  readonly tag: string;
  readonly schema: string;
  /** Schema of the release before; null for the first. */
  readonly seededFrom: string | null;
  /** Order in which releases were current; the highest is. */
  readonly used: number;
  /** Its tables are there, with all their rows. */
  readonly ready: boolean;
  /** Schemas whose tables are shown in it by views. */
  readonly viewsOf: readonly string[];
  /** What still works with it, such as `prod runs it`; empty when nothing does. */
  readonly references: readonly string[];
}

/** Which states stay and which are dropped. */
export interface Retention<Release extends StoredRelease = StoredRelease> {
  /** The release that the new one is seeded from; undefined for the first. */
  readonly previous: Release | undefined;
  /** Stay besides the current one, the most recently used first. */
  readonly kept: readonly Release[];
  /** Are dropped once the current one is ready. */
  readonly retired: readonly Release[];
  /** More than the wanted number stay, because of these. */
  readonly heldBy: ReadonlyMap<string, readonly string[]>;
}

/**
 * Keeps the current release and the `keep - 1` used most recently before it, and in addition whatever something refers to: the
 * views of one that stays, or what `references` tells.
 * @param schema of the release that becomes current.
 */
export function planRetention<Release extends StoredRelease>(
  schema: string,
  stored: readonly Release[],
  keep: number,
): Retention<Release> {
  const newestFirst = [...stored].sort((a, b) => b.used - a.used);
  const others = newestFirst.filter((release) => release.schema !== schema);
  const ready = others.filter((release) => release.ready);
  const own = stored.find((release) => release.schema === schema);
  const previous = own ? others.find((release) => release.schema === own.seededFrom) : ready[0];
  const stays = new Set<string>([schema, ...ready.slice(0, Math.max(0, keep - 1)).map((release) => release.schema)]);
  const heldBy = new Map<string, readonly string[]>();
  // A view may be of a release that itself is held only by another's.
  for (let settled = false; !settled; ) {
    settled = true;
    for (const release of others) {
      if (stays.has(release.schema)) continue;
      const viewers = stored.filter((other) => stays.has(other.schema) && other.viewsOf.includes(release.schema));
      const isNext = own === undefined && release === previous;
      const reasons = [
        ...release.references,
        ...viewers.map((viewer) => `release ${viewer.tag} has views of it`),
        ...(isNext ? ["the new release is seeded from it"] : []),
      ];
      if (reasons.length === 0) continue;
      stays.add(release.schema);
      heldBy.set(release.schema, reasons);
      settled = false;
    }
  }
  return {
    previous,
    kept: others.filter((release) => stays.has(release.schema)),
    retired: others.filter((release) => !stays.has(release.schema)),
    heldBy,
  };
}
