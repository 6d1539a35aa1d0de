import * as z from "zod";
import type { TimedRequests } from "./latencyRatio.ts";
import type { JudgementRow } from "./rows.ts";
import type { JudgeSettings } from "./settings.ts";

/** JSON has no infinity. */
const timed = z
  .array(z.tuple([z.number(), z.number().nullable(), z.number()]))
  .transform((all) =>
    all.map(
      ([atLeast, atMost, count]): TimedRequests => ({ atLeast, atMost: atMost ?? Number.POSITIVE_INFINITY, count }),
    ),
  );
const open = z.array(z.strictObject({ atLeast: z.number(), count: z.number() }));
const side = z.strictObject({
  requests: z.number(),
  failed: z.number(),
  timed,
  pods: z.number().optional(),
});

const users = z.array(z.number());

/** A row as it is stored. */
const storedRow = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("routed"),
    second: z.number(),
    path: z.enum(["route", "app"]),
    weight: z.number().nullable(),
    new: side,
    old: side,
  }),
  z.strictObject({
    kind: z.literal("users"),
    of: z.enum(["first", "whole"]),
    second: z.number(),
    weight: z.number(),
    new: users,
    old: users,
  }),
  z.strictObject({
    kind: z.literal("recorded"),
    second: z.number(),
    weight: z.number(),
    new: side,
    old: side,
    open: z.strictObject({ new: open, old: open }).optional(),
    lost: z.number().optional(),
  }),
  z.strictObject({
    kind: z.literal("pairs"),
    second: z.number(),
    weight: z.number().nullable().optional(),
    newFailed: z.number(),
    oldFailed: z.number(),
    bothFailed: z.number(),
    neitherFailed: z.number(),
    compared: z.number(),
    mismatches: z.number(),
    newTimed: timed,
    oldTimed: timed,
  }),
  z.strictObject({ kind: z.literal("source"), source: z.string(), isMissing: z.boolean() }),
  z.strictObject({
    kind: z.literal("limit"),
    query: z.string(),
    state: z.enum(["within", "above", "unknown"]),
    sentence: z.string(),
  }),
]);

/** Reads what {@link toStored} wrote. @throws ZodError for what is not one. */
export function fromStored(stored: unknown): JudgementRow {
  return storedRow.parse(stored);
}

/** A row as JSON. Durations are stored only where some quantile is judged. */
export function toStored(row: JudgementRow, { maxLatencyRatio = {} }: Pick<JudgeSettings, "maxLatencyRatio">): object {
  const isTimed = Object.values(maxLatencyRatio).some((ratio) => ratio !== undefined);
  const durations = (requests: readonly TimedRequests[]) =>
    isTimed
      ? requests.map(({ atLeast, atMost, count }) => [atLeast, Number.isFinite(atMost) ? atMost : null, count])
      : [];
  if (row.kind === "routed" || row.kind === "recorded") {
    const of = ({ timed: all, ...counts }: typeof row.new) => ({ ...counts, timed: durations(all) });
    return { ...row, new: of(row.new), old: of(row.old) };
  }
  if (row.kind === "pairs") return { ...row, newTimed: durations(row.newTimed), oldTimed: durations(row.oldTimed) };
  return row;
}
