/** A whole second, since 1970. */
export type Second = number;

/** From `since` up to, and without, `until`. */
export interface Interval {
  readonly since: Second;
  readonly until: Second;
}

/** Intervals in order, those that touch as one; empty ones are left out. */
export function union(intervals: readonly Interval[]): Interval[] {
  const merged: { since: Second; until: Second }[] = [];
  for (const { since, until } of [...intervals].sort((a, b) => a.since - b.since)) {
    if (until <= since) continue;
    const last = merged.at(-1);
    if (last && since <= last.until) last.until = Math.max(last.until, until);
    else merged.push({ since, until });
  }
  return merged;
}

/** The parts of `intervals` that are in none of `others`. */
export function without(intervals: readonly Interval[], others: readonly Interval[]): Interval[] {
  const gone = union(others);
  return union(intervals).flatMap(({ since, until }) => {
    const kept: Interval[] = [];
    let from = since;
    for (const other of gone) {
      if (other.until <= from || other.since >= until) continue;
      if (other.since > from) kept.push({ since: from, until: other.since });
      from = Math.max(from, other.until);
    }
    return from < until ? [...kept, { since: from, until }] : kept;
  });
}

/** The parts of `intervals` within `window`. */
export function within(intervals: readonly Interval[], window: Interval): Interval[] {
  return union(
    intervals.map(({ since, until }) => ({
      since: Math.max(since, window.since),
      until: Math.min(until, window.until),
    })),
  );
}

/** Seconds of all of them; they must not overlap. */
export function length(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { since, until }) => sum + until - since, 0);
}

/** Whole numbers of `parts` that add up to `count`, as equal as can be: what the n-th second of an interval gets. */
export function spread(count: number, parts: number): number[] {
  return Array.from(
    { length: parts },
    (_, place) => Math.floor((count * (place + 1)) / parts) - Math.floor((count * place) / parts),
  );
}
