import type { ZooRegistry } from "./registry.ts";

/** Ids of a rollout's two versions in the table of an existing database. */
export interface TargetPair {
  readonly from: string;
  readonly to: string;
}

/** How many rows of an existing database's table point at the two versions of one model's rollout. */
export interface TargetCounts {
  /** Name of the zoo model. */
  readonly model: string;
  readonly from: number;
  readonly to: number;
  /** Those of `from` that stay by choice. @default none */
  readonly left?: number | undefined;
}

/**
 * The registry with the apps of an existing database counted to the versions that they point at, so that phases are judged,
 * and versions served, by all apps.
 */
export function withTargetApps(registry: ZooRegistry, counted: readonly TargetCounts[]): ZooRegistry {
  const versions = new Map(registry.versions);
  for (const { model, from, to, left = 0 } of counted) {
    const rollout = registry.rollouts.get(model);
    if (rollout?.from === undefined) continue;
    const rows = versions.get(model) ?? [];
    versions.set(
      model,
      rows.map((row) => {
        const more = (row.id === rollout.from ? from : 0) + (row.hash === rollout.hash ? to : 0);
        if (more === 0) return row;
        // The names are of the platform's own apps alone.
        const stay = (row.left ?? 0) + (row.id === rollout.from ? left : 0);
        return { ...row, apps: row.apps + more, waitedFor: undefined, ...(stay > 0 ? { left: stay } : {}) };
      }),
    );
  }
  return { ...registry, versions };
}
