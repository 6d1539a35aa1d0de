import type { ClientBase } from "pg";
import type { CountCursor, CountedBin, CountFacts, WeightStep } from "../../../domain/judgement/routedRows.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { readSources } from "../traffic/readTraffic.ts";
import { instant } from "../traffic/sources.ts";
import type { JudgedRollout } from "./judgedRollouts.ts";

/** Seconds read at once: after a pause of the judge, the next turn reads on. */
const mostSeconds = 3_600;

/** What was counted of both versions from the cursor on. */
export async function readCountFacts(
  client: ClientBase,
  { old, new: fresh, judge }: JudgedRollout,
  steps: readonly WeightStep[],
  { second }: CountCursor,
  now: Second,
): Promise<CountFacts> {
  const until = Math.min(now, second + mostSeconds);
  // Sources first: counts that are stored in between are of seconds that no source has told of yet.
  const sources = await readSources(client, { since: second, until: Math.max(until, second + 1) });
  const { rows } = await client.query<Omit<CountedBin, "latency" | "side"> & { id: string; latency: string[] | null }>(
    `SELECT version_id::text AS id, path, extract(epoch FROM since)::float8 AS since, seconds, outcome, count::float8 AS count, latency
       FROM menagerie.traffic_count
      WHERE seconds IN (1, 60, 3600) AND since >= $1 AND since < $2 AND version_id = ANY ($3)
      ORDER BY since, seconds, path, version_id, outcome`,
    [instant(second), instant(until), [old.id, fresh.id]],
  );
  return {
    until,
    steps,
    sources,
    now,
    // With a control, apps' requests are compared in pairs alone, which there are while the new version answers all.
    paths: judge.control === 0 || (steps.at(-1)?.weight ?? 0) >= 100 ? ["route", "app"] : ["route"],
    copiesApps: judge.control > 0,
    unable: [
      ...(old.isUncounted || fresh.isUncounted ? ["the gateway, which has one destination in Knative mode,"] : []),
      // A fixed limit is about the new version's own requests, whoever sends them.
      ...(judge.control > 0 && !judge.users && isSticky(steps) ? ["the count of users, which `by` needs,"] : []),
    ],
    bins: rows.map(({ id, latency, ...row }) => ({
      ...row,
      side: id === fresh.id ? "new" : "old",
      latency: latency?.map(Number) ?? null,
    })),
  };
}

/** Users keep their side by now, while both versions have some. */
function isSticky(steps: readonly WeightStep[]): boolean {
  const last = steps.at(-1);
  return last?.isSticky === true && last.weight > 0 && last.weight < 100;
}
