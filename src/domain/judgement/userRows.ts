import { countShares, type UserShares } from "./coin.ts";
import type { WeightStep } from "./routedRows.ts";
import type { UsersRow } from "./rows.ts";

/** How long the requests of a user count, from the draw on, in seconds. Whatever took longer than this says nothing. */
export const userWindow = 600;

/** Users of one version who were drawn in one second, or whose first request was over then, and of whose requests one share failed. */
export interface DrawnUsers extends Pick<UsersRow, "of" | "second"> {
  readonly side: "new" | "old";
  /** Of the traffic when they were drawn. */
  readonly generation: number;
  /** Probability with which they were drawn for the new version, 0 to 1. @default the weight of the generation */
  readonly chance?: number | undefined;
  readonly share: number;
  readonly users: number;
}

/** Recorded users as rows, both versions together, in order of time. Those of a generation that divided nobody in this rollout say nothing. */
export function userRows(drawn: readonly DrawnUsers[], steps: readonly WeightStep[]): UsersRow[] {
  const weights = new Map(steps.map(({ generation, weight }) => [generation, weight / 100]));
  const together = Map.groupBy(
    drawn,
    ({ of, second, generation, chance = "" }) => `${second} ${of} ${generation} ${chance}`,
  );
  return [...together.values()]
    .flatMap((own): UsersRow[] => {
      const [first] = own;
      const weight = first && (first.chance ?? weights.get(first.generation));
      if (!first || weight === undefined || weight <= 0 || weight >= 1) return [];
      const { of, second } = first;
      return [{ kind: "users", of, second, weight, new: sideOf(own, "new"), old: sideOf(own, "old") }];
    })
    .sort((one, other) => one.second - other.second);
}

function sideOf(own: readonly DrawnUsers[], side: DrawnUsers["side"]): UserShares {
  return countShares(own.filter((each) => each.side === side));
}
