import type { ClientBase } from "pg";
import { counted } from "../../../domain/counted.ts";
import type { Progress } from "../../../domain/progress.ts";
import { Comparison, type OpenPair } from "../../../domain/shadow/comparison.ts";
import type { ComparisonResult } from "../../../domain/shadow/comparisonResult.ts";
import type { RecordedAnswer, RecordedPair } from "../../../domain/shadow/recorded.ts";
import type { ComparisonRules } from "../../../domain/shadow/rules.ts";
import { Spread } from "../../../domain/shadow/spread.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";
import { inTransaction } from "../transaction.ts";
import { explained } from "./oldTables.ts";
import { recordedAnswers } from "./recordedAnswers.ts";
import { type RecordedSelection, type RecordedSide, recordedCounts, recordedPairs } from "./recordedPairs.ts";

/** A comparison of what recorders stored. */
export interface RecordedComparison extends RecordedSelection {
  readonly rules: ComparisonRules;
  /** Share of the primary's requests that is mirrored, 0 to 100. */
  readonly percent: number;
  /** A second copy of the primary, by which noise is known. @default none */
  readonly noise?: RecordedSide | undefined;
  /**
   * Asks the primary once more what leaves its answer to chance, so that those pairs can be judged.
   * @default nobody is asked
   */
  readonly again?: AskAgain | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Asks a primary again what it was asked before. */
export interface AskAgain {
  /** Requests at most; of more, those whose ids have the smallest hashes. */
  readonly most: number;
  /** Answers in the order of the pairs; undefined for a request that was not kept whole. */
  readonly ask: (pairs: readonly RecordedPair[]) => AsyncIterable<RecordedAnswer | undefined>;
}

/** Compares all pairs of a selection in one read-only transaction, with memory that does not grow with their number. */
export async function compareRecorded(
  client: ClientBase,
  request: RecordedComparison,
  progress: Progress,
): Promise<ComparisonResult> {
  const comparison = new Comparison(request.rules, { noiseFloor: request.noise !== undefined });
  // Only another answer of the primary is compared with an answer that is equal.
  const readsSampled = request.noise !== undefined || request.again !== undefined;
  const task = progress.begin("compare");
  const started = performance.now();
  const waiting = new Spread<OpenPair>(request.again?.most ?? 0);
  let [pairs, read] = [0, 0];
  const tell = (count: number): void => {
    request.signal?.throwIfAborted();
    read += count;
    const perSecond = read / ((performance.now() - started) / 1000);
    task.update(`${pairsText(read)}, ${Math.round(perSecond).toLocaleString("en-US")} per second`);
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
        for await (const batch of recordedPairs(client, { ...request, readsSampled })) {
          const open = batch.flatMap((pair) => comparison.add(pair) ?? []);
          if (request.noise) await settleByNoise(client, comparison, request.noise, open);
          else
            for (const each of open.flatMap((pair) => waiting.add(pair.pair.requestId, pair))) comparison.settle(each);
          pairs += batch.length;
          tell(batch.length);
        }
        return recordedCounts(client, request, pairs);
      },
      { readOnly: true },
    );
    if (request.again && waiting.kept.length > 0) {
      const { kept } = waiting;
      let asked = 0;
      for await (const answer of request.again.ask(kept.map(({ pair }) => pair))) {
        comparison.settle(kept[asked] as OpenPair, answer);
        asked += 1;
        task.update(`the primary answered ${asked} of ${counted(kept.length, "request")} again`);
      }
    }
    task.done(pairsText(pairs));
    return comparison.result(counts, request.percent);
  } catch (error) {
    task.failed();
    // No such schema or table.
    if (sqlState(error) !== "3F000" && sqlState(error) !== "42P01") {
      throw explained(error, `${request.primary.schema} or ${request.shadow.schema}`);
    }
    throw refuse("predictions.no-tables", { schema: request.primary.schema, schemaB: request.shadow.schema }, error);
  }
}

function pairsText(pairs: number): string {
  return `${pairs.toLocaleString("en-US")} ${pairs === 1 ? "pair" : "pairs"}`;
}

/** The second copy of the primary was asked the same: what it answered tells whether the primary repeats itself. */
async function settleByNoise(
  client: ClientBase,
  comparison: Comparison,
  noise: RecordedSide,
  open: readonly OpenPair[],
): Promise<void> {
  const byPair = new Map(open.map((each) => [each.pair, each]));
  for await (const [pair, again] of recordedAnswers(client, noise, [...byPair.keys()])) {
    comparison.settle(byPair.get(pair) as OpenPair, again);
  }
}
