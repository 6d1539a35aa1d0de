import type { JudgeAction } from "../judgement/declared.ts";
import { type Refusal, refusal } from "../refusals/refusal.ts";

/** Steps of a take-back, in their order. `cannot` may come at any time, and the guard tries again. */
export type TakeBackStep = "held" | "weight" | "reverted" | "done" | "cannot";

/**
 * A content that a guard took back, or holds, and that nobody resumed: it gets no higher weight, no further app and no later phase. It is
 * one from the moment that the intent was written, whatever has been done by then.
 */
export interface TakenBack {
  readonly id: string;
  /** Name of the zoo model. */
  readonly model: string;
  /** Id of the version that its rollout left. */
  readonly from: string;
  readonly hash: string;
  /** `revert`: everything goes back to the old version. `hold`: what goes forward stops, and what is there stays. */
  readonly action: Exclude<JudgeAction, "tell">;
  /** Of the verdict, such as `errors 12 of 180 against 3 of 1,620, at least 4 points more, 1 point is allowed`. */
  readonly reason: string;
  /** Verdict that it follows from. */
  readonly cause: string;
  readonly at: Date;
  /** Percent of the requests that the new version answered until then. */
  readonly weight: number;
  /** Null while it is under way. */
  readonly doneAt: Date | null;
  /** What is in its way, while it is under way; null for nothing. */
  readonly obstacle: string | null;
}

/** A content whose take-back an operator called a false alarm. */
export interface ResumedContent extends Pick<TakenBack, "id" | "model" | "from" | "hash"> {
  /** When that was. */
  readonly at: Date;
}

/** The take-back that concerns a content of a model. Deployed directly, a content is concerned whichever version its rollout left. */
export function takenBackContent(
  all: readonly TakenBack[],
  { model, from, hash }: { readonly model: string; readonly from: string | undefined; readonly hash: string },
): TakenBack | undefined {
  return all.find((each) => each.model === model && each.hash === hash && (from === undefined || each.from === from));
}

/** Such as `taken back at 14:02 (errors 12 of 180 against 3 of 1,620)`; of another day, with the day. Times are UTC. */
export function describeTakeBack(
  { action, at, reason, doneAt, obstacle }: Omit<TakenBack, "model">,
  now: Date,
): string {
  const was = action === "revert" ? "taken back" : "held";
  const day = at.toISOString().slice(0, 10);
  const time = at.toISOString().slice(11, 16);
  const when = day === now.toISOString().slice(0, 10) ? time : `${day} ${time}`;
  const way = doneAt !== null ? "" : obstacle === null ? ", still under way" : `, still under way: ${obstacle}`;
  return `${was} at ${when} (${shortReason(reason)})${way}`;
}

/** As the triggers of the platform's database say it, such as `taken back at 2026-11-30 14:02 UTC (errors 12 of 180 against 3 of 1,620)`. */
export function describeOpened({
  action,
  openedAt,
  reason,
}: Pick<TakenBack, "action" | "reason"> & { readonly openedAt: Date }): string {
  const at = openedAt.toISOString().slice(0, 16).replace("T", " ");
  return `${action === "revert" ? "taken back" : "held"} at ${at} UTC (${shortReason(reason)})`;
}

/** What to do about it. */
export function afterTakeBack({ action }: Pick<TakenBack, "action">): string {
  return action === "revert"
    ? "set phase: reverted, or a new content"
    : "set phase: reverted, or resume it if this was a false alarm";
}

/** Why a taken-back content gets no further. */
export function takenBackRefusal(key: string, taken: TakenBack, asked: string, now = new Date()): Refusal {
  const { model } = taken;
  return refusal("rollout.taken-back", key, {
    asked,
    state: describeTakeBack(taken, now),
    change: afterTakeBack(taken),
    model,
  });
}

/** The counts alone: bounds and limits are for whoever looks closer. */
function shortReason(reason: string): string {
  return reason.split(", at least ")[0] ?? reason;
}
