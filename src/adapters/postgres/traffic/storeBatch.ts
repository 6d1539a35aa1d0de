import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase, Pool } from "pg";
import type { Latency } from "../../../domain/traffic/latency.ts";
import type { Outcome } from "../../../domain/traffic/outcome.ts";
import type { Interval, Second } from "../../../domain/traffic/seconds.ts";
import { instant } from "./sources.ts";

/** Requests of a version in one second. */
export interface CountedRow {
  readonly versionId: string;
  readonly second: Second;
  readonly outcome: Outcome;
  readonly count: number;
}

/** Answers of a version in one second, by duration. */
export interface TimedRow {
  readonly versionId: string;
  readonly second: Second;
  readonly latency: Latency;
}

/** Everything that a source counted in some seconds. */
export interface TrafficBatch {
  readonly observed: Interval;
  /** Whether `broken` and `client_gone` were counted as such. */
  readonly tellsEnds: boolean;
  readonly counts: readonly CountedRow[];
  readonly timed: readonly TimedRow[];
}

const sql = readFileSync(join(import.meta.dirname, "storeBatch.sql"), "utf8");

/**
 * Stores what a source counted, in one statement. False where these seconds, or later ones, are stored already: a batch whose answer was
 * lost is sent again as it was, and nothing is counted twice.
 */
export async function storeBatch(
  client: Pick<ClientBase | Pool, "query">,
  sourceId: string,
  { observed, tellsEnds, counts, timed }: TrafficBatch,
): Promise<boolean> {
  const rows = [
    ...counts.map(({ versionId, second, outcome, count }) => ({ versionId, second, outcome, count, latency: null })),
    ...timed.map(({ versionId, second, latency }) => ({
      versionId,
      second,
      outcome: "timed",
      count: 0,
      latency: `{${latency.join(",")}}`,
    })),
  ];
  const result = await client.query<{ stored: boolean }>({
    text: sql,
    values: [
      ...[sourceId, instant(observed.since), instant(observed.until)],
      rows.map(({ versionId }) => versionId),
      rows.map(({ second }) => instant(second)),
      rows.map(({ outcome }) => outcome),
      rows.map(({ count }) => count),
      rows.map(({ latency }) => latency),
      tellsEnds,
    ],
  });
  return result.rows[0]?.stored === true;
}
