import { type Interval, type Second, union, within, without } from "./seconds.ts";

/** Something that counts: a pod of the gateway, or a process of the API service. */
export interface TrafficSource {
  /** Such as `istio-ingress/ingress-5d8f`, for sentences. */
  readonly name: string;
  /** From when it answers requests; until when, undefined while it does. */
  readonly since: Second;
  readonly ended: Second | undefined;
  /** When its counts are in the table. */
  readonly observed: readonly Interval[];
  /** When it counted how requests ended, too: of these seconds alone `broken` and `client_gone` are known. */
  readonly told: readonly Interval[];
}

/** Which seconds of a window were counted. In a second that was counted, what has no row did not happen. */
export interface Coverage {
  readonly window: Interval;
  readonly known: readonly Interval[];
  readonly missing: readonly Interval[];
}

/**
 * A second is known when somebody counted it, and nobody who answered requests then did not: a source that was killed, restarted, or
 * could not be read makes its seconds missing, whatever the others counted.
 */
export function coverage(window: Interval, sources: readonly TrafficSource[]): Coverage {
  const observed = union(sources.flatMap((source) => source.observed));
  const unobserved = sources.flatMap((source) => {
    const answers = { since: source.since, until: source.ended ?? window.until };
    return without([answers], source.observed);
  });
  const known = within(without(observed, unobserved), window);
  return { window, known, missing: without([window], known) };
}

/** The same for `broken` and `client_gone`: a source that counts answers by their head makes these missing. */
export function coverageOfEnds(window: Interval, sources: readonly TrafficSource[]): Coverage {
  return coverage(
    window,
    sources.map((source) => ({ ...source, observed: source.told })),
  );
}

/** The sources that are the reason why something of a window is missing; none where nobody counts at all. */
export function silentSources(window: Interval, sources: readonly TrafficSource[]): string[] {
  return sources
    .filter(({ since, ended, observed }) => {
      const answers = within([{ since, until: ended ?? window.until }], window);
      return without(answers, observed).length > 0;
    })
    .map(({ name }) => name);
}
