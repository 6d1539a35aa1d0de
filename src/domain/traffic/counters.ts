import { emptyLatency, type Latency, timed } from "./latency.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";

/** Counters of one destination of a gateway, since it was made. */
export interface DestinationCounters {
  /** Answers by HTTP status, those of the gateway's own among them. */
  readonly answers: ReadonlyMap<number, number>;
  /** Durations of whole answers; undefined where they were not read. */
  readonly latency: Latency | undefined;
}

/** The counters of one gateway process, read at once. */
export interface GatewaySnapshot {
  /** Seconds that the process has run; undefined where it does not tell. */
  readonly uptime: number | undefined;
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
  readonly traffic: readonly DestinationTraffic[];
}

/**
 * What a gateway counted from one snapshot to the next. A process that started in between counts from zero, and so does a destination
 * that was removed and made again, whose counters are less than before.
 *
 * @param before - undefined for a process that was not there before
 */
export function difference(before: GatewaySnapshot | undefined, after: GatewaySnapshot): Difference {
  const isRestart = before !== undefined && startedBetween(before, after);
  const earlier = isRestart ? undefined : before?.destinations;
  const traffic = [...after.destinations].flatMap(([destination, now]): DestinationTraffic[] => {
    const then = earlier?.get(destination);
    const isNew = then !== undefined && isLess(now, then);
    const byOutcome = new Map<Outcome, number>();
    for (const [status, count] of now.answers) {
      const outcome = outcomeOf(status);
      const more = count - (isNew ? 0 : (then?.answers.get(status) ?? 0));
      if (outcome && more > 0) byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + more);
    }
    const latency = emptyLatency().map((_, place) =>
      Math.max(0, (now.latency?.[place] ?? 0) - (isNew ? 0 : (then?.latency?.[place] ?? 0))),
    );
    return byOutcome.size > 0 || timed(latency) > 0 ? [{ destination, byOutcome, latency }] : [];
  });
  return { isRestart, traffic };
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
