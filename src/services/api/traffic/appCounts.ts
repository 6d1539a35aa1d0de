import type { TrafficBatch } from "../../../adapters/postgres/traffic/storeBatch.ts";
import { bucketOf, emptyLatency } from "../../../domain/traffic/latency.ts";
import type { Outcome } from "../../../domain/traffic/outcome.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";

interface VersionSecond {
  readonly versionId: string;
  readonly second: Second;
  readonly outcomes: Map<Outcome, number>;
  latency: number[] | undefined;
}

/** Counts of this process's own answers, by the second in which each was over. `now` is in milliseconds since 1970. */
export function appCounts(now: () => number) {
  let cells = new Map<string, VersionSecond>();
  let since: Second = Math.floor(now() / 1000);
  /** Of the clock; it may be set back, but seconds that were taken are not counted in again. */
  const currentSecond = () => Math.max(since, Math.floor(now() / 1000));

  return {
    /** The second from which on everything is counted. */
    since,
    /** Counts a request that is over. @param milliseconds - that it took; undefined where it was not answered whole */
    count(versionId: string, outcome: Outcome, milliseconds: number | undefined): void {
      const second = currentSecond();
      const key = `${second} ${versionId}`;
      const cell = cells.get(key) ?? { versionId, second, outcomes: new Map<Outcome, number>(), latency: undefined };
      cells.set(key, cell);
      cell.outcomes.set(outcome, (cell.outcomes.get(outcome) ?? 0) + 1);
      if (milliseconds === undefined) return;
      cell.latency ??= emptyLatency();
      const place = bucketOf(milliseconds);
      cell.latency[place] = (cell.latency[place] ?? 0) + 1;
    },
    /** Takes the seconds that are over; with `all`, the current one too, in which nothing may be counted any more. */
    take({ all = false }: { readonly all?: boolean } = {}): TrafficBatch {
      const until = currentSecond() + (all ? 1 : 0);
      const taken = [...cells.values()].filter(({ second }) => second < until);
      cells = new Map([...cells].filter(([, { second }]) => second >= until));
      const observed = { since, until };
      since = until;
      return {
        observed,
        tellsEnds: true,
        counts: taken.flatMap(({ versionId, second, outcomes }) =>
          [...outcomes].map(([outcome, count]) => ({ versionId, second, outcome, count })),
        ),
        timed: taken.flatMap(({ versionId, second, latency }) => (latency ? [{ versionId, second, latency }] : [])),
      };
    },
  };
}

export type AppCounts = ReturnType<typeof appCounts>;
