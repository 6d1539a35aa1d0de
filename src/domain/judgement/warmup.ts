import { type Interval, type Second, union } from "../traffic/seconds.ts";

/** Pods of one version by now. */
export interface Readiness {
  /** That answer. */
  readonly pods: number;
  /** When those that are ready became so. */
  readonly since: readonly number[];
}

/** Requests last at most so long before they are judged, in seconds: of a warm-up that ended earlier none is left. */
const kept: Second = 900;

/**
 * When some pod of either version warmed up, in seconds since 1970. Requests that begin then have no duration on either side: which second it is does not
 * depend on the coin, where leaving out one side's requests, or one pod's, would choose among them. A pod that is ready for less time than it takes to look
 * is not seen.
 *
 * @param before - as it was known
 * @param warmup - seconds from a pod's readiness on
 */
export function warmSeconds(
  before: readonly Interval[],
  versions: readonly (Readiness | undefined)[],
  warmup: Second,
  now: Second,
): readonly Interval[] {
  if (warmup === 0) return [];
  // Clocks may be a second apart.
  const seen = versions.flatMap((version) =>
    (version?.since ?? []).map((at) => ({ since: Math.floor(at) - 1, until: Math.ceil(at) + warmup })),
  );
  return union([...before, ...seen].filter(({ until }) => until > now - kept));
}
