import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { Failure } from "../../../domain/recording/prediction.ts";
import type { RecordedAnswer, RecordedPair } from "../../../domain/shadow/recorded.ts";
import { quoteIdentifier } from "../identifier.ts";
import type { RecordedSide } from "./recordedPairs.ts";
import { recordedBody } from "./storedBody.ts";

/** Answers read at once: each may have megabytes. */
const readAtOnce = 16;

interface AnswerRow {
  readonly place: number;
  readonly status: number | null;
  readonly failure: Failure | null;
  readonly latency: number;
  readonly first_token: number | null;
  readonly tokens: number | null;
  readonly truncated: boolean;
  readonly encoding: string | null;
  readonly data: string | null;
  readonly raw: Buffer | null;
}

/** What tells a request of the primary from all others. */
export type RequestKey = Pick<RecordedPair, "requestId" | "attempt" | "at">;

/** What a side answered to single requests of the primary, a few at a time, in their order; undefined where it has no answer. */
export async function* recordedAnswers<Key extends RequestKey>(
  client: ClientBase,
  side: RecordedSide,
  keys: readonly Key[],
): AsyncGenerator<readonly [Key, RecordedAnswer | undefined]> {
  const text = await readFile(join(import.meta.dirname, "recordedAnswers.sql"), "utf8");
  const sql = text.replaceAll(":side", () => quoteIdentifier(side.schema));
  for (const sameDay of Map.groupBy(keys, ({ at }) => dayOf(at))) {
    const [day, all] = sameDay;
    for (let from = 0; from < all.length; from += readAtOnce) {
      const some = all.slice(from, from + readAtOnce);
      const { rows } = await client.query<AnswerRow>(sql, [
        day,
        some.map(({ requestId }) => requestId),
        some.map(({ attempt }) => attempt ?? 1),
        some.map(({ at }) => new Date(at)),
        side.version ?? null,
      ]);
      const byPlace = new Map(rows.map((row) => [row.place, row]));
      for (const [index, key] of some.entries()) {
        const row = byPlace.get(index + 1);
        yield [key, row && toAnswer(row)];
      }
    }
  }
}

/** The UTC day of a request, as its row has it. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function toAnswer(row: AnswerRow): RecordedAnswer {
  const { status, failure, latency, first_token: firstTokenMs, tokens: completionTokens } = row;
  return { status, failure, latencyMs: latency, firstTokenMs, completionTokens, body: recordedBody(row) };
}
