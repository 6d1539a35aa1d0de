import { type TrafficPath, trafficPaths } from "./outcome.ts";
import type { Interval, Second } from "./seconds.ts";
import { pathTraffic, summarize, type TrafficSummary } from "./traffic.ts";

/** How a path was counted in the last minute. */
export interface CountedPath {
  readonly knownSeconds: number;
  /** Of these, those in which broken answers and clients that left were counted as such. */
  readonly endsKnownSeconds: number;
  /** Where anything is missing: the second until which everything was counted last; undefined where that is an hour ago, or never was. */
  readonly countedUntil: Second | undefined;
  /** Those that answer and have not counted. */
  readonly silent: readonly string[];
}

/** A version that has requests. */
export interface VersionMinute {
  readonly versionId: string;
  readonly model: string;
  readonly number: number;
  readonly route: TrafficSummary;
  readonly app: TrafficSummary;
}

/** The last minute, up to some seconds ago. */
export interface LastMinute {
  readonly window: Interval;
  readonly paths: Readonly<Record<TrafficPath, CountedPath>>;
  /** Those that were asked anything; of the others, what was counted is zero. */
  readonly versions: readonly VersionMinute[];
  /** Ids of versions that the gateway cannot tell: nothing is known of them on `route`, see `readUnknownToGateway`. */
  readonly unknownToGateway: ReadonlySet<string>;
}

/** Requests of one version in the last minute, on one path. */
export interface ShownTraffic extends Omit<CountedPath, "countedUntil"> {
  /** Undefined members are left out of JSON: they are not known. */
  readonly summary: TrafficSummary;
  /** Of the last second that was counted whole; null where that is an hour ago, or everything was counted. */
  readonly notCountedSince: string | null;
  /** False where this path cannot tell the version's requests, such as the gateway in Knative mode: they are never counted. */
  readonly isCounted: boolean;
}

export type ModelTraffic = Readonly<Record<TrafficPath, ShownTraffic>>;

/** What the last minute says of a version: of one that is not among those that were asked, zero where it was counted. */
export function trafficOf({ window, paths, versions, unknownToGateway }: LastMinute, versionId: string): ModelTraffic {
  const own = versions.find((version) => version.versionId === versionId);
  const of = (path: TrafficPath): ShownTraffic => {
    const isCounted = path !== "route" || !unknownToGateway.has(versionId);
    const { countedUntil, ...counted } = isCounted ? paths[path] : neverCounted;
    const isWhole = counted.knownSeconds === window.until - window.since;
    return {
      ...counted,
      summary: own?.[path] ?? withoutRequests(path, counted),
      notCountedSince: isWhole || countedUntil === undefined ? null : new Date(countedUntil * 1000).toISOString(),
      isCounted,
    };
  };
  return { route: of("route"), app: of("app") };
}

const neverCounted: CountedPath = { knownSeconds: 0, endsKnownSeconds: 0, countedUntil: undefined, silent: [] };

/** A version that is asked and that nothing else of the status tells of, such as the old one of a rollout. */
export interface OtherTraffic {
  readonly model: string;
  readonly version: number;
  readonly versionId: string;
  readonly traffic: ModelTraffic;
}

/** Those of the last minute that are none of `shown`. */
export function otherTraffic(
  minute: LastMinute,
  shown: readonly { readonly versionId: string | null }[],
): readonly OtherTraffic[] {
  return minute.versions
    .filter(({ versionId }) => !shown.some((model) => model.versionId === versionId))
    .map(({ model, number, versionId }) => ({
      model,
      version: number,
      versionId,
      traffic: trafficOf(minute, versionId),
    }));
}

function withoutRequests(
  path: TrafficPath,
  { knownSeconds, endsKnownSeconds }: Pick<CountedPath, "knownSeconds" | "endsKnownSeconds">,
): TrafficSummary {
  const until = (seconds: number) => [{ since: 0, until: seconds }];
  const source = {
    name: "",
    since: 0,
    ended: knownSeconds,
    observed: until(knownSeconds),
    told: until(endsKnownSeconds),
  };
  return summarize(pathTraffic(path, { since: 0, until: 60 }, [], [source]));
}

const asked: Readonly<Record<TrafficPath, string>> = { route: "at the gateway", app: "through the API service" };

/** Lines of `menagerie status` below a model. */
export function describeTraffic(traffic: ModelTraffic | null, kind: string): string[] {
  if (!traffic) return [];
  return trafficPaths
    .filter((path) => isTold(traffic, path, kind))
    .map((path) => `${described(traffic[path])} ${asked[path]}${missingPart(traffic[path])}`);
}

/** Development versions are asked through the API service; without apps, nobody asks a zoo model there. */
function isTold(traffic: ModelTraffic, path: TrafficPath, kind: string): boolean {
  if (kind === "development") return path === "app";
  const { summary, knownSeconds } = traffic[path];
  if (kind === "other") return summary.requests > 0;
  return path === "route" || summary.requests > 0 || knownSeconds === 0;
}

function described({ summary, knownSeconds }: ShownTraffic): string {
  if (knownSeconds === 0) return "requests not counted";
  const { perSecond = 0, errors, errorShare, p99, inKnown } = summary;
  const failed = errors === 0 ? "" : `, ${errors} failed (${percent(errorShare ?? 0)})`;
  const left = inKnown.client_gone ?? 0;
  const gone = left === 0 ? "" : `, ${left} left by their clients`;
  const slowest = p99 === undefined ? "" : `, p99 ${milliseconds(p99)}`;
  return `${rate(perSecond)} requests/s${failed}${gone}${slowest}`;
}

/** Such as `0.25`, `12`. */
export function rate(perSecond: number): string {
  return String(perSecond < 10 ? Number(perSecond.toFixed(2)) : Math.round(perSecond));
}

function missingPart({ knownSeconds, notCountedSince, silent, isCounted }: ShownTraffic): string {
  if (!isCounted) return ": Knative mode has one destination for all versions";
  if (notCountedSince === null && knownSeconds > 0) return "";
  const by = silent.length === 0 ? "" : `: no counts from ${silent.slice(0, 3).join(", ")}`;
  if (knownSeconds > 0) return ` (${60 - knownSeconds} s of the last minute not counted${by})`;
  return `${notCountedSince === null ? "" : ` since ${notCountedSince.slice(11, 19)} UTC`}${by}`;
}

/** Such as `1.2 %`. */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;

/** Such as `12 ms`, `1.4 s`. */
export function milliseconds(duration: number): string {
  return duration < 1_000 ? `${Number(duration.toPrecision(2))} ms` : `${Number((duration / 1_000).toPrecision(2))} s`;
}
