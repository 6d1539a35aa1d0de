import type { ClientBase, Pool } from "pg";
import type { TrafficSource } from "../../../domain/traffic/coverage.ts";
import { type TrafficPath, trafficPaths } from "../../../domain/traffic/outcome.ts";
import type { Interval } from "../../../domain/traffic/seconds.ts";
import { type PathTraffic, pathTraffic, type TrafficRow } from "../../../domain/traffic/traffic.ts";
import { readUnknownToGateway } from "./servedVersions.ts";
import { instant } from "./sources.ts";

type Client = Pick<ClientBase | Pool, "query">;

/** What of the table to read. Counts older than two hours are kept by minute, older than two weeks by hour: begin and end there. */
export interface TrafficQuestion {
  /** Id of the version. */
  readonly version: string;
  readonly from: Date;
  readonly to: Date;
}

/**
 * What was counted of a version, by the gateway and by the API service. Seconds begin at whole seconds: `from` is rounded down, `to` too. Of a
 * version that the gateway cannot tell, such as one in Knative mode, all of `route` is missing.
 */
export async function readTraffic(
  client: Client,
  { version, from, to }: TrafficQuestion,
): Promise<Readonly<Record<TrafficPath, PathTraffic>>> {
  const window = { since: wholeSecond(from), until: wholeSecond(to) };
  const traffic = await readTrafficOf(client, window, [version]);
  const found = traffic.get(version);
  if (!found) throw new Error(`no traffic was read of version ${version}`);
  return found;
}

/** The same of several versions, or of every one that has a row in the window. */
export async function readTrafficOf(
  client: Client,
  window: Interval,
  versions: readonly string[] | "every",
): Promise<Map<string, Readonly<Record<TrafficPath, PathTraffic>>>> {
  const sources = await readSources(client, window);
  const rows = await readRows(client, window, versions);
  const byVersion = Map.groupBy(rows, ({ versionId }) => versionId);
  const asked = versions === "every" ? [...byVersion.keys()] : versions;
  const unknown = await readUnknownToGateway(client, asked);
  return new Map(
    asked.map((version) => {
      const own = byVersion.get(version) ?? [];
      const of = (path: TrafficPath, by: readonly TrafficSource[]) => pathTraffic(path, window, own, by);
      return [version, { route: of("route", unknown.has(version) ? [] : sources.route), app: of("app", sources.app) }];
    }),
  );
}

/** Who counted in a window, and which seconds of it. */
export async function readSources(
  client: Client,
  { since, until }: Interval,
): Promise<Readonly<Record<TrafficPath, readonly TrafficSource[]>>> {
  const { rows } = await client.query<{
    path: TrafficPath;
    name: string;
    since: number;
    ended: number | null;
    observed: readonly (Interval & { readonly tellsEnds: boolean })[];
  }>(
    `SELECT s.path, s.name, ${epoch("s.since")} AS since, ${epoch("s.ended_at")} AS ended,
            coalesce((SELECT json_agg(json_build_object('since', ${epoch("o.since")}, 'until', ${epoch("o.until")},
                                                        'tellsEnds', o.tells_ends) ORDER BY o.since)
                        FROM menagerie.traffic_observed o WHERE o.source_id = s.id AND o.until > $1 AND o.since < $2), '[]') AS observed
       FROM menagerie.traffic_source s
      WHERE s.since < $2 AND (s.ended_at IS NULL OR s.ended_at > $1) ORDER BY s.id`,
    [instant(since), instant(until)],
  );
  const of = (path: TrafficPath): TrafficSource[] =>
    rows
      .filter((row) => row.path === path)
      .map(({ path: _, ended, observed, ...row }) => ({
        ...row,
        ended: ended ?? undefined,
        observed,
        told: observed.filter(({ tellsEnds }) => tellsEnds),
      }));
  return Object.fromEntries(trafficPaths.map((path) => [path, of(path)])) as Record<TrafficPath, TrafficSource[]>;
}

async function readRows(client: Client, { since, until }: Interval, versions: readonly string[] | "every") {
  const { rows } = await client.query<Omit<TrafficRow, "latency"> & { versionId: string; latency: string[] | null }>(
    `SELECT version_id::text AS "versionId", path, ${epoch("since")} AS since, seconds, outcome, count::float8 AS count, latency
       FROM menagerie.traffic_count
      WHERE seconds IN (1, 60, 3600) AND since >= $1 AND since < $2 AND ($3::bigint[] IS NULL OR version_id = ANY ($3))
      ORDER BY since, outcome`,
    [instant(since), instant(until), versions === "every" ? null : versions],
  );
  return rows.map((row): TrafficRow & { versionId: string } => ({
    ...row,
    latency: row.latency?.map(Number) ?? null,
  }));
}

const epoch = (column: string): string => `extract(epoch FROM ${column})::float8`;

function wholeSecond(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}
