import type { ClientBase, Pool } from "pg";
import { coverage, coverageOfEnds, silentSources } from "../../../domain/traffic/coverage.ts";
import type { CountedPath, LastMinute, VersionMinute } from "../../../domain/traffic/lastMinute.ts";
import { type TrafficPath, trafficPaths } from "../../../domain/traffic/outcome.ts";
import { length } from "../../../domain/traffic/seconds.ts";
import { summarize } from "../../../domain/traffic/traffic.ts";
import { readSources, readTrafficOf } from "./readTraffic.ts";
import { readUnknownToGateway } from "./servedVersions.ts";

/** Counts come a moment later than what they count, in seconds. */
const lag = 4;
const windowSeconds = 60;
/** How far back the last counts are looked for, in seconds. */
const memory = 3_600;

/** @param now - milliseconds since 1970 */
export async function readLastMinute(client: Pick<ClientBase | Pool, "query">, now: number): Promise<LastMinute> {
  const until = Math.floor(now / 1000) - lag;
  const window = { since: until - windowSeconds, until };
  const sources = await readSources(client, { since: until - memory, until });
  const traffic = await readTrafficOf(client, window, "every");
  const { rows } = await client.query<Pick<VersionMinute, "versionId" | "model" | "number">>(
    `SELECT v.id::text AS "versionId", m.name AS model, v.number
       FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
      WHERE v.id = ANY ($1) ORDER BY m.name, v.number`,
    [[...traffic.keys()]],
  );
  const pathOf = (path: TrafficPath): CountedPath => {
    const { known } = coverage({ since: until - memory, until }, sources[path]);
    return {
      knownSeconds: length(coverage(window, sources[path]).known),
      endsKnownSeconds: length(coverageOfEnds(window, sources[path]).known),
      countedUntil: known.at(-1)?.until,
      silent: silentSources(window, sources[path]),
    };
  };
  return {
    window,
    unknownToGateway: await readUnknownToGateway(client, "every"),
    paths: Object.fromEntries(trafficPaths.map((path) => [path, pathOf(path)])) as LastMinute["paths"],
    versions: rows.flatMap((row) => {
      const own = traffic.get(row.versionId);
      return own ? [{ ...row, route: summarize(own.route), app: summarize(own.app) }] : [];
    }),
  };
}
