import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { leastSettling, type WeightStep } from "../../../domain/judgement/routedRows.ts";
import { isFailure } from "../../../domain/judgement/rows.ts";
import { userWindow } from "../../../domain/judgement/userRows.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { quoteIdentifier } from "../identifier.ts";
import { instant } from "../traffic/sources.ts";
import type { JudgedRollout, JudgedSide } from "./judgedRollouts.ts";

const failingStatuses = Array.from({ length: 200 }, (_, place) => 400 + place).filter(isFailure);

/** Requests of a rollout, by what recorders stored. */
export interface ToldAsked extends Pick<JudgedRollout, "modelId" | "hash"> {
  readonly old: Pick<JudgedSide, "recordedAs">;
  readonly new: Pick<JudgedSide, "recordedAs">;
  /** Schema of both versions' recorded answers. */
  readonly schema: string;
  readonly steps: readonly WeightStep[];
}

/** What is new since the last time. */
export interface ToldSince {
  readonly since: Second;
  readonly until: Second;
  /** What was drawn before is of an earlier judgement. */
  readonly drawnFrom: Second;
}

/**
 * Rows of `file`, a query over the requests of which gateways told how they drew them.
 *
 * @param values - of what `file` asks besides
 */
export async function toldRequests<Row extends object>(
  client: ClientBase,
  file: string,
  { schema, steps, old, new: fresh }: ToldAsked,
  { since, until }: ToldSince,
  values: readonly unknown[],
): Promise<Row[]> {
  const parts = await Promise.all(
    ["toldRequests.sql", file].map((name) => readFile(join(import.meta.dirname, name), "utf8")),
  );
  const dividing = toldIn(steps);
  const { rows } = await client.query<Row>(
    parts.join("").replaceAll(":schema", () => quoteIdentifier(schema)),
    [
      ...[instant(since - userWindow), instant(until), old.recordedAs, fresh.recordedAs, failingStatuses],
      ...[
        dividing.map((each) => each.generation),
        dividing.map((each) => each.since),
        dividing.map((each) => each.until),
      ],
      ...values,
    ],
  );
  return rows;
}

/** When gateways tell of each generation that divides requests: from its step on until they follow the next. */
function toldIn(steps: readonly WeightStep[]) {
  return steps.flatMap(({ generation, weight, at }, place) => {
    if (weight <= 0 || weight >= 100) return [];
    const next = steps.slice(place + 1).find(({ appliedAt }) => appliedAt !== undefined)?.appliedAt;
    // A recorder's clock may be a second behind.
    return [{ generation, since: at - 1, until: next === undefined ? Number.POSITIVE_INFINITY : next + leastSettling }];
  });
}
