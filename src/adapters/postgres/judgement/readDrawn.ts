import type { ClientBase } from "pg";
import type { DrawnRequests, RecordersTold } from "../../../domain/judgement/recordedRows.ts";
import { latencyOf } from "../../../domain/recording/openRequests.ts";
import type { Interval, Second } from "../../../domain/traffic/seconds.ts";
import { quoteIdentifier } from "../identifier.ts";
import { instant } from "../traffic/sources.ts";
import { type ToldAsked, type ToldSince, toldRequests } from "./toldRequests.ts";

/** What durations are wanted for. */
export interface TimedAsked {
  /** Whether any is judged. */
  readonly isTimed: boolean;
  /** Requests that begin then have none: a pod has just become ready. */
  readonly warm: readonly Interval[];
}

/** Requests that the gateway's coin drew, one by one, and that were over from `since` until `until`, by what recorders stored of both versions. */
export async function readDrawn(
  client: ClientBase,
  asked: ToldAsked,
  range: ToldSince,
  { isTimed, warm }: TimedAsked,
): Promise<DrawnRequests[]> {
  const rows = await toldRequests<Omit<DrawnRequests, "side"> & { readonly isNew: boolean }>(
    client,
    "drawnRequests.sql",
    asked,
    range,
    [
      ...[instant(range.since), instant(range.until), instant(range.drawnFrom), isTimed],
      ...[warm.map(({ since }) => instant(since)), warm.map(({ until }) => instant(until))],
    ],
  );
  return rows.map(({ isNew, ...row }) => ({ ...row, side: isNew ? "new" : "old" }));
}

/** What recorders lost since a judgement began, and what of the last generation was not over at `until`, of which some recorder may have told. */
export async function readRecorders(
  client: ClientBase,
  asked: ToldAsked,
  { drawnFrom, until }: Pick<ToldSince, "drawnFrom" | "until">,
): Promise<RecordersTold> {
  const { rows } = await client.query<{ lost: number; tellsOpen: boolean }>(
    `SELECT coalesce(sum(requests), 0)::float8 AS lost, to_regclass($2) IS NOT NULL AS "tellsOpen"
       FROM ${quoteIdentifier(asked.schema)}.recording_losses WHERE lost_at >= $1 AND reason <> 'unredactable'`,
    [instant(drawnFrom), `${quoteIdentifier(asked.schema)}.recorder_open`],
  );
  const [{ lost, tellsOpen } = { lost: 0, tellsOpen: false }] = rows;
  // Tables of an earlier release have none.
  return { lost, open: tellsOpen ? await readOpen(client, asked, until) : { new: [], old: [] } };
}

async function readOpen(
  client: ClientBase,
  { schema, steps, old, new: fresh }: ToldAsked,
  until: Second,
): Promise<RecordersTold["open"]> {
  const { rows } = await client.query<{ version: string; class: number; count: number }>(
    `SELECT o.model_version AS version, c.class, sum(c.requests)::float8 AS count
       FROM ${quoteIdentifier(schema)}.recorder_open o
      CROSS JOIN jsonb_to_recordset(o.open) AS c (generation bigint, class integer, requests bigint)
      WHERE o.at = $1 AND o.model_version = ANY ($2) AND c.generation = $3
      GROUP BY 1, 2 ORDER BY 1, 2`,
    [instant(until), [old.recordedAs, fresh.recordedAs], steps.at(-1)?.generation ?? 0],
  );
  const of = (side: { readonly recordedAs: string }) =>
    rows
      .filter(({ version }) => version === side.recordedAs)
      .map(({ class: power, count }) => ({ atLeast: latencyOf(power).atLeast, count }));
  return { new: of(fresh), old: of(old) };
}
