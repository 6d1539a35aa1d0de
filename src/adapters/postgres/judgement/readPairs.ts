import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { RecordedPair } from "../../../domain/shadow/recorded.ts";
import { samplingFields } from "../../../domain/shadow/sampling.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { quoteIdentifier } from "../identifier.ts";
import { againPrefix, type PairRow, toPair } from "../predictions/recordedPairs.ts";
import { instant } from "../traffic/sources.ts";
import type { JudgedSide } from "./judgedRollouts.ts";

/** A request that took longer than this is in no pair, in seconds. */
const longestRequest = 600;
/** Bytes of a body that is compared; a longer one is not judged. */
const largestBody = 1024 * 1024;

/**
 * Requests that both versions answered, by their ids, whose later answer was over from `since` until `until`: the old version's as `primary`.
 *
 * @param schema - of both versions' recorded answers
 */
export async function readPairs(
  client: ClientBase,
  schema: string,
  { old, new: fresh }: Readonly<Record<"old" | "new", Pick<JudgedSide, "recordedAs">>>,
  { since, until }: { readonly since: Second; readonly until: Second },
): Promise<RecordedPair[]> {
  const text = await readFile(join(import.meta.dirname, "judgedPairs.sql"), "utf8");
  const { rows } = await client.query<PairRow & { redacted_apart: boolean }>(
    text.replaceAll(":schema", () => quoteIdentifier(schema)),
    [
      ...[instant(since - longestRequest), instant(until), instant(since), instant(until)],
      ...[old.recordedAs, fresh.recordedAs, samplingFields, againPrefix, largestBody],
    ],
  );
  return rows.map((row) => ({ ...toPair(row, row), isRedacted: row.redacted_apart }));
}
