import { describeDetails } from "../audit/entry.ts";

/** Something that changed, as the database tells it: one row of one of its records. */
export interface ActivityRow {
  /** Of the record that tells it, such as `audit` or `phase`. */
  readonly kind: ActivityKind;
  /** In its record. */
  readonly id: string;
  readonly at: Date;
  /** The same to the microsecond, for what is older. */
  readonly cursor: string;
  /** Name of the zoo model that it concerns; null where it concerns none, or several. */
  readonly model: string | null;
  /** Who did it; null where the record does not say. */
  readonly who: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export const activityKinds = [
  ...(["audit", "phase", "traffic", "verdict", "takeBack", "takeBackStep", "resume"] as const),
  ...(["deployment", "evidence", "migration", "push"] as const),
] as const;
export type ActivityKind = (typeof activityKinds)[number];

/** The same for people. */
export interface Activity extends Omit<ActivityRow, "details"> {
  /** What changed, in a few words, such as `traffic 10 % → 0 %`. */
  readonly what: string;
  /** What it follows from; empty where the record does not say. */
  readonly because: string;
  /** Command that tells more. */
  readonly command: string;
}

/** What changed, and why. */
export function activityOf({ details, ...row }: ActivityRow): Activity {
  return { ...row, ...saidBy[row.kind](details, row.model ?? "") };
}

type Said = Pick<Activity, "what" | "because" | "command">;

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));
const list = (value: unknown): string => (Array.isArray(value) ? value.map(text).join("; ") : text(value));

const saidBy: Readonly<Record<ActivityKind, (details: ActivityRow["details"], model: string) => Said>> = {
  audit: ({ what, details }) => ({
    what: text(what),
    because: typeof details === "object" && details !== null ? describeDetails({ details: { ...details } }) : "",
    command: "menagerie audit",
  }),
  phase: ({ before, phase, evidence }, model) => ({
    what: before === null || before === undefined ? `phase ${text(phase)}` : `phase ${text(before)} → ${text(phase)}`,
    because: evidence ? "its gates had passed" : "",
    command: `menagerie rollout ${model}`,
  }),
  traffic: ({ before, weight, control, verdict }, model) => ({
    what: `traffic ${before === null || before === undefined ? "" : `${text(before)} % → `}${text(weight)} % to the new version${Number(control) > 0 ? `, ${text(control)} % copied` : ""}`,
    because: verdict === null || verdict === undefined ? "" : `verdict ${text(verdict)}`,
    command: `menagerie rollout ${model}`,
  }),
  verdict: ({ decision, because }, model) => ({
    what: `judged ${text(decision)}`,
    because: list(because),
    command: `menagerie rollout ${model}`,
  }),
  takeBack: ({ action, reason, verdict }, model) => ({
    what: action === "hold" ? "held by the guard" : "taken back by the guard",
    because: `verdict ${text(verdict)}: ${text(reason)}`,
    command: `menagerie rollout ${model}`,
  }),
  takeBackStep: ({ step, takeBack }, model) => ({
    what: `take-back: ${text(steps[text(step)] ?? step)}`,
    because: `take-back ${text(takeBack)}`,
    command: `menagerie rollout ${model}`,
  }),
  resume: ({ reason }, model) => ({
    what: "resumed: the take-back was a false alarm",
    because: text(reason),
    command: `menagerie rollout ${model}`,
  }),
  deployment: ({ environment, tag, outcome, reason, from }) => ({
    what: `${text(environment)} ${outcome === "mixed" ? "did not come to" : outcome === "open" ? "goes to" : "runs"} ${text(tag)}`,
    because: text(reason) || (from === null || from === undefined ? "" : `promoted from ${text(from)}`),
    command: "menagerie releases",
  }),
  evidence: ({ kind, suite, passed }, model) => ({
    what: `${text(kind)} ${passed === true ? "passed" : "failed"}`,
    because: suite === "" ? "" : `suite ${text(suite).slice(0, 12)}`,
    command: `menagerie rollout ${model}`,
  }),
  push: ({ name, organization, status, reason }) => ({
    what: `${text(organization)} pushed ${text(name)}: ${text(status)}`,
    because: text(reason),
    command: "menagerie dev list",
  }),
  migration: ({ id, direction, share, paused }) => ({
    what: `apps move ${direction === "forward" ? "forward" : "back"}${Number(share) < 100 ? `, ${text(share)} % of the organizations` : ""}${paused === true ? "; on hold" : ""}`,
    because: `migration ${text(id)}`,
    command: "menagerie rollout",
  }),
};

const steps: Readonly<Record<string, string>> = {
  held: "the migration is on hold",
  weight: "the old version answers everything",
  reverted: "apps are back",
  done: "done",
  cannot: "something is in the way",
};
