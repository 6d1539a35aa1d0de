import type { ClientBase } from "pg";
import type { Progress } from "../../../domain/progress.ts";
import { Comparison, type ComparisonResult } from "../../../domain/shadow/comparison.ts";
import type { ComparisonRules } from "../../../domain/shadow/rules.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";
import { inTransaction } from "../transaction.ts";
import { type RecordedSelection, type RecordedSide, recordedCounts, recordedPairs } from "./recordedPairs.ts";

/** A comparison of what recorders stored. */
export interface RecordedComparison extends RecordedSelection {
  readonly rules: ComparisonRules;
  /** Share of the primary's requests that is mirrored, 0 to 100. */
  readonly percent: number;
  /** A second copy of the primary, by which noise is known. @default none */
  readonly noise?: RecordedSide | undefined;
}

/** Compares all pairs of a selection in one read-only transaction, with memory that does not grow with their number. */
export async function compareRecorded(
  client: ClientBase,
  request: RecordedComparison,
  progress: Progress,
): Promise<ComparisonResult> {
  const comparison = new Comparison(request.rules, { noiseFloor: request.noise !== undefined });
  const task = progress.begin("compare");
  const started = performance.now();
  let [pairs, read] = [0, 0];
  const tell = (count: number): void => {
    read += count;
    const perSecond = read / ((performance.now() - started) / 1000);
    task.update(`${read.toLocaleString("en-US")} pairs, ${Math.round(perSecond).toLocaleString("en-US")} per second`);
  };
  try {
    const counts = await inTransaction(
      client,
      async () => {
        if (request.noise) {
          for await (const batch of recordedPairs(client, { ...request, shadow: request.noise })) {
            for (const pair of batch) comparison.addNoise(pair);
            tell(batch.length);
          }
        }
        for await (const batch of recordedPairs(client, request)) {
          for (const pair of batch) comparison.add(pair);
          pairs += batch.length;
          tell(batch.length);
        }
        return recordedCounts(client, request, pairs);
      },
      { readOnly: true },
    );
    task.done(`${pairs.toLocaleString("en-US")} pairs`);
    return comparison.result(counts, request.percent);
  } catch (error) {
    task.failed();
    // No such schema or table.
    if (sqlState(error) !== "3F000" && sqlState(error) !== "42P01") throw error;
    throw refuse("predictions.no-tables", { schema: request.primary.schema, schemaB: request.shadow.schema }, error);
  }
}
