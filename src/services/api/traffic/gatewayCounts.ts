import type { GatewayStatistics } from "../../../adapters/envoyStatistics/exposition.ts";
import type { CountedRow, TimedRow, TrafficBatch } from "../../../adapters/postgres/traffic/storeBatch.ts";
import { difference, type GatewaySnapshot } from "../../../domain/traffic/counters.ts";
import { addLatency, type Latency, timed } from "../../../domain/traffic/latency.ts";
import { type Second, spread } from "../../../domain/traffic/seconds.ts";

/** The statistics of one gateway process, and when they were read: seconds since 1970, with their fraction. */
export interface GatewayReading {
  readonly at: number;
  readonly statistics: GatewayStatistics;
}

/** What one gateway counted, for its destinations' versions. */
export interface GatewayCounts {
  /** Takes a reading; answers what came since the one before, undefined where that is nothing that can be told. */
  take(reading: GatewayReading): TrafficBatch | undefined;
}

/** More than this between two readings is not spread over the seconds in between: nobody could tell when it came. Seconds. */
const longestGap = 300;

/** A process may be started so long before its pod counts as running, in seconds. */
const startMargin = 10;

const nothing: GatewaySnapshot = { uptime: undefined, tellsEnds: undefined, destinations: new Map() };

/**
 * Follows the counters of one gateway. Readings stand for whole seconds, the nearest ones, and what came between two is spread
 * evenly. Durations are counted for the last of their seconds. Where the gateway begins to tell how requests ended, or does not any
 * more, what came between the two readings is missing: one way counts what the other has counted already, or not yet.
 *
 * @param versionOf - id of a destination's version; undefined for what is none
 * @param since - second from which on the process may have been started, where it is new: all its counts are told then
 */
export function gatewayCounts(versionOf: (destination: string) => string | undefined, since?: Second): GatewayCounts {
  let last: { at: Second; counters: GatewaySnapshot; durations: GatewaySnapshot } | undefined =
    since === undefined ? undefined : { at: since, counters: nothing, durations: nothing };

  return {
    take({ at, statistics }) {
      const second = Math.round(at);
      if (last && second <= last.at) return undefined;
      const { uptime } = statistics;
      const tellsEnds = statistics.tellsEnds ?? (isSame(last?.counters, uptime) ? last?.counters.tellsEnds : undefined);
      const counters = { uptime, tellsEnds, destinations: withoutDurations(statistics) };
      const durations = statistics.hasDurations
        ? { uptime, tellsEnds: undefined, destinations: onlyDurations(statistics) }
        : undefined;
      const isFollowed =
        last !== undefined && (last.counters !== nothing || isYoung(statistics.uptime, second - last.at));
      if (!last || !isFollowed || second - last.at > longestGap || isToldOtherwise(last.counters, counters)) {
        last = { at: second, counters, durations: durations ?? statistics };
        return undefined;
      }
      const answers = difference(last.counters, counters);
      const begun = answers.isRestart ? startOf(statistics.uptime, last.at, second) : last.at;
      const lived = answers.isRestart ? { counters: nothing, durations: nothing } : last;
      // Only just started: the next reading has its counts from the start.
      if (begun >= second) {
        last = { at: begun, ...lived };
        return undefined;
      }
      const observed = { since: begun, until: second };
      const took = durations && difference({ ...lived.durations, uptime: undefined }, durations);
      last = { at: second, counters, durations: durations ?? lived.durations };
      return {
        observed,
        tellsEnds: answers.tellsEnds,
        counts: countedRows(answers.traffic, observed, versionOf),
        timed: timedRows(took?.traffic ?? [], second - 1, versionOf),
      };
    },
  };
}

/** Whether the process is still that of an earlier snapshot. */
function isSame(earlier: GatewaySnapshot | undefined, uptime: number | undefined): boolean {
  return earlier !== undefined && (earlier.uptime === undefined || uptime === undefined || uptime >= earlier.uptime);
}

function isToldOtherwise(before: GatewaySnapshot, now: GatewaySnapshot): boolean {
  const isKnown = before.tellsEnds !== undefined && now.tellsEnds !== undefined && isSame(before, now.uptime);
  return isKnown && before.tellsEnds !== now.tellsEnds;
}

/** Whether a process that was not known `ago` seconds before was not there either. What does not tell its age may have been. */
function isYoung(uptime: number | undefined, ago: number): boolean {
  return uptime !== undefined && uptime <= ago + startMargin;
}

/** First whole second of a process that was started between two readings: the one that it was started in is not known whole. */
function startOf(uptime: number | undefined, before: Second, now: Second): Second {
  return Math.max(before + 1, uptime === undefined ? now : Math.ceil(now - uptime));
}

type Traffic = ReturnType<typeof difference>["traffic"];

function countedRows(
  traffic: Traffic,
  { since, until }: { readonly since: Second; readonly until: Second },
  versionOf: (destination: string) => string | undefined,
): CountedRow[] {
  // A version may have two destinations: its predictor and its recorder.
  const rows = new Map<string, CountedRow>();
  for (const { destination, byOutcome } of traffic) {
    const versionId = versionOf(destination);
    if (versionId === undefined) continue;
    for (const [outcome, total] of byOutcome) {
      for (const [place, count] of spread(total, until - since).entries()) {
        if (count === 0) continue;
        const row = { versionId, second: since + place, outcome, count };
        const key = `${versionId} ${row.second} ${outcome}`;
        rows.set(key, { ...row, count: count + (rows.get(key)?.count ?? 0) });
      }
    }
  }
  return [...rows.values()];
}

function timedRows(
  traffic: Traffic,
  second: Second,
  versionOf: (destination: string) => string | undefined,
): TimedRow[] {
  const byVersion = new Map<string, Latency>();
  for (const { destination, latency } of traffic) {
    const versionId = versionOf(destination);
    if (versionId === undefined || timed(latency) === 0) continue;
    byVersion.set(versionId, addLatency(latency, byVersion.get(versionId) ?? []));
  }
  return [...byVersion].map(([versionId, latency]) => ({ versionId, second, latency }));
}

function withoutDurations({ destinations }: GatewayStatistics): GatewaySnapshot["destinations"] {
  return new Map([...destinations].map(([name, own]) => [name, { ...own, latency: undefined }]));
}

function onlyDurations({ destinations }: GatewayStatistics): GatewaySnapshot["destinations"] {
  return new Map([...destinations].map(([name, own]) => [name, { ...own, answers: new Map(), ends: new Map() }]));
}
