import { emptyLatency, type Latency, timed } from "./latency.ts";
import { type Outcome, outcomeOf, outcomeOfEnd } from "./outcome.ts";

/** Counters of one destination of a gateway, since it was made. */
export interface DestinationCounters {
  /** Answers by the HTTP status in their head, those of the gateway's own among them. */
  readonly answers: ReadonlyMap<number, number>;
  /** Requests that are over, one number for each of {@link EndedAs}; empty where the gateway does not count these. */
  readonly ends: ReadonlyMap<EndedAs, number>;
  /** Durations of whole answers; undefined where they were not read. */
  readonly latency: Latency | undefined;
}

/**
 * `<status> <response flags> <other labels>`, such as `200 - iris-v1` or `0 DC `: a counter of requests that are over, with status 0 where no head
 * of an answer came. The other labels tell apart what a gateway counts apart, such as by workload.
 */
export type EndedAs = `${number} ${string}`;

/** The counters of one gateway process, read at once. */
export interface GatewaySnapshot {
  /** Seconds that the process has run; undefined where it does not tell. */
  readonly uptime: number | undefined;
  /** Whether it counts requests when they are over, with their response flags. Undefined before anything was asked. */
  readonly tellsEnds: boolean | undefined;
  /** By name of the destination, such as `outbound|80||iris-predictor.models.svc.cluster.local`; absent is zero. */
  readonly destinations: ReadonlyMap<string, DestinationCounters>;
}

/** What happened between two snapshots. */
export interface DestinationTraffic {
  readonly destination: string;
  readonly byOutcome: ReadonlyMap<Outcome, number>;
  readonly latency: Latency;
}

export interface Difference {
  /** The process was started in between: what it counted before its end is not known. */
  readonly isRestart: boolean;
  /** `broken` and `client_gone` are among the outcomes. */
  readonly tellsEnds: boolean;
  readonly traffic: readonly DestinationTraffic[];
}

/**
 * What a gateway counted from one snapshot to the next. A process that started in between counts from zero, and so does a destination
 * that was removed and made again, whose counters are less than before. Requests that are over are counted where both snapshots, or all
 * that the process has, tell of them; else answers by their head.
 *
 * @param before - undefined for a process that was not there before
 */
export function difference(before: GatewaySnapshot | undefined, after: GatewaySnapshot): Difference {
  const isRestart = before !== undefined && startedBetween(before, after);
  const earlier = isRestart ? undefined : before?.destinations;
  const tellsEnds = after.tellsEnds ?? (isRestart ? false : (before?.tellsEnds ?? false));
  const traffic = [...after.destinations].flatMap(([destination, now]): DestinationTraffic[] => {
    const then = earlier?.get(destination);
    const isNew = then !== undefined && isLess(now, then);
    const byOutcome = tellsEnds ? ended(now, then) : answered(now, isNew ? undefined : then);
    const latency = emptyLatency().map((_, place) =>
      Math.max(0, (now.latency?.[place] ?? 0) - (isNew ? 0 : (then?.latency?.[place] ?? 0))),
    );
    return byOutcome.size > 0 || timed(latency) > 0 ? [{ destination, byOutcome, latency }] : [];
  });
  return { isRestart, tellsEnds, traffic };
}

function answered(now: DestinationCounters, then: DestinationCounters | undefined): Map<Outcome, number> {
  return totals(
    [...now.answers].map(([status, count]) => [outcomeOf(status), count - (then?.answers.get(status) ?? 0)]),
  );
}

/** Envoy may drop one of these counters and make it again, while others of the destination go on: each begins again by itself. */
function ended(now: DestinationCounters, then: DestinationCounters | undefined): Map<Outcome, number> {
  return totals(
    [...now.ends].map(([as, count]) => {
      const was = then?.ends.get(as) ?? 0;
      const [status, flags = ""] = as.split(" ");
      return [outcomeOfEnd(Number(status), flags), count < was ? count : count - was];
    }),
  );
}

function totals(counts: readonly (readonly [Outcome | undefined, number])[]): Map<Outcome, number> {
  const byOutcome = new Map<Outcome, number>();
  for (const [outcome, count] of counts)
    if (outcome && count > 0) byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + count);
  return byOutcome;
}

/** Of snapshots that tell no uptime, one counter that is less than before is taken for a restart: they are never less otherwise. */
function startedBetween(before: GatewaySnapshot, after: GatewaySnapshot): boolean {
  if (before.uptime !== undefined && after.uptime !== undefined) return after.uptime < before.uptime;
  return [...before.destinations].some(([destination, then]) => {
    const now = after.destinations.get(destination);
    return now !== undefined && isLess(now, then);
  });
}

function isLess(now: DestinationCounters, then: DestinationCounters): boolean {
  if (now.latency && then.latency && timed(now.latency) < timed(then.latency)) return true;
  return [...then.answers].some(([status, count]) => (now.answers.get(status) ?? 0) < count);
}
