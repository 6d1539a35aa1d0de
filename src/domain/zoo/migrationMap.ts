import type { Clause } from "../refusals/clause.ts";

/** One pair of the map of old to new versions. */
export interface VersionPair {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/**
 * What is wrong with a map of old to new versions: a version that moves to two others, and cycles, whose
 * apps would end where the last run put them. A chain (1 to 2, 2 to 3) is no mistake: its pairs are moved one after the
 * other, under one lock.
 */
export function mapIssues(map: readonly VersionPair[]): Clause[] {
  const issues: Clause[] = [];
  const next = new Map<string, VersionPair>();
  for (const pair of map) {
    const other = next.get(pair.from);
    if (other && other.to !== pair.to) {
      const problem = `${other.name} and ${pair.name}: version ${pair.from} moves to ${other.to} and to ${pair.to}`;
      issues.push({ problem, fix: "keep one" });
    } else next.set(pair.from, pair);
  }
  const judged = new Set<string>();
  for (const start of next.keys()) {
    const path: string[] = [];
    let at: string | undefined = start;
    while (at !== undefined && !judged.has(at)) {
      judged.add(at);
      path.push(at);
      at = next.get(at)?.to;
      const cycle = at === undefined ? -1 : path.indexOf(at);
      if (cycle >= 0) {
        const ring = [...path.slice(cycle), at].join(" → ");
        const problem = `${next.get(path[cycle] ?? "")?.name}: the map goes round, ${ring}`;
        issues.push({ problem, fix: "remove one of the pairs" });
      }
    }
  }
  return issues;
}
