import * as z from "zod";
import { percent } from "../shadow/readable.ts";
import type { ComparisonRules } from "../shadow/rules.ts";

/** What follows when a new version is bad. */
export const judgeActions = ["revert", "hold", "tell"] as const;
export type JudgeAction = (typeof judgeActions)[number];

const share = z.number().min(0).max(1);

/** What a rollout is judged by and what follows, as `up` stores it. Shares are 0 to 1. */
export const declaredJudgeSchema = z.strictObject({
  risk: share,
  maxErrorIncrease: share,
  maxErrors: share.optional(),
  maxLatencyRatio: z.strictObject({ p50: z.number().optional(), p95: z.number().optional() }).optional(),
  maxMismatch: share.optional(),
  minRequests: z.number(),
  /** Users are drawn, by a cookie or by a header, and counted in place of requests. @default requests are */
  users: z.boolean().optional(),
  /** Requests are drawn, and recorders store every one with how it was drawn. @default gateways alone tell of them */
  recorded: z.boolean().optional(),
  /** Seconds of a pod's readiness whose requests have no duration. @default none */
  warmupSeconds: z.number().optional(),
  /** Percent. */
  control: z.number(),
  action: z.enum(judgeActions),
  limits: z.array(z.strictObject({ query: z.string(), max: z.number(), for: z.string() })),
  /** What counts as a difference; checked by the config. */
  compare: z.custom<ComparisonRules>((value) => typeof value === "object" && value !== null).optional(),
  /** Schema of the recorded answers; left out where nothing is compared. */
  recordedIn: z.string().optional(),
});

/** What a rollout is judged by, and what follows. */
export type DeclaredJudge = z.output<typeof declaredJudgeSchema>;

/** Share of the pairs that may differ, where the stack does not say. */
export const usualMismatch = 0.02;

/** Seconds of a pod's readiness whose requests have no duration, where the stack does not say. */
export const usualWarmup = 30;

const consequences: Readonly<Record<JudgeAction, string>> = {
  revert: "is taken back when it is bad",
  hold: "is held when it is bad",
  tell: "raises an alert when it is bad",
};

/** A line of previews, such as `judged: at most 1 point more errors, 2 % other answers; the new version is taken back when it is bad`. */
export function describeJudge(judge: DeclaredJudge): string {
  const { maxErrors, maxErrorIncrease, maxMismatch, maxLatencyRatio = {}, control, limits, action, users } = judge;
  const ratios = Object.entries(maxLatencyRatio).map(([quantile, ratio]) => `${quantile} at most ${ratio} times`);
  const compared = [
    `at most ${points(maxErrorIncrease)} more errors${users ? ", by users" : ""}`,
    ...(maxMismatch === undefined ? [] : [`${percent(maxMismatch)} other answers`]),
    ...ratios,
  ];
  const alone = maxErrors === undefined ? [] : [`at most ${percent(maxErrors)} errors, without a control`];
  const fixed =
    limits.length === 0 ? [] : [`${limits.length === 1 ? "a fixed limit" : `${limits.length} fixed limits`}`];
  return `judged: ${[...(control === 0 ? alone : compared), ...fixed].join(", ")}; the new version ${consequences[action]}`;
}

function points(share: number): string {
  const value = Number((share * 100).toPrecision(3));
  return value === 1 ? "1 point" : `${value} points`;
}
