import type { Failure } from "../recording/prediction.ts";
import { type Difference, differencesOf } from "./difference.ts";
import { bytesField, statusField } from "./fieldStatistics.ts";
import type { RecordedBody, RecordedPair, Unjudgeable } from "./recorded.ts";
import type { CompiledRules } from "./rules.ts";

/** Why a pair says nothing about whether the two models agree. */
export type NotJudged =
  | Unjudgeable
  /** The shadow was sent pseudonyms in the place of what the primary was asked. */
  | "redacted"
  /** The client went away before it had the primary's answer. */
  | "client_gone"
  /** The gateway gave up its copy before the shadow's answer was whole. */
  | "copy_abandoned"
  /** The primary gave no whole answer that could be compared with. */
  | "primary_failed";

/** Reasons that are nobody's answer: whatever the shadow is, clients hang up. They do not hold a gate. */
const sayNothing: ReadonlySet<NotJudged> = new Set(["client_gone"]);

/** Whether pairs that are not judged for this reason count against a gate: in them, the models may differ. */
export function holdsGate(reason: NotJudged): boolean {
  return !sayNothing.has(reason);
}

/** Names under which a shadow without a whole answer is counted, by what its recorder saw. No noise explains them. */
export const shadowFailures = {
  predictor_broken: "shadow_broken",
  predictor_unavailable: "shadow_unavailable",
  predictor_timeout: "shadow_timeout",
  failed: "shadow_failed",
} as const satisfies Record<Exclude<Failure, "client_gone">, string>;

export type Judgement = { readonly differences: readonly Difference[] } | { readonly notJudged: NotJudged };

/** Where a pair's answers differ, or why nobody can say. */
export function judgePair(
  { primary, shadow, sameBody, isRedacted = false }: RecordedPair,
  rules: CompiledRules,
  onNoText?: (field: string) => void,
): Judgement {
  // Whatever they are, they answer different requests.
  if (isRedacted) return { notJudged: "redacted" };
  if (primary.failure === "client_gone") return { notJudged: "client_gone" };
  if (primary.failure !== null) return { notJudged: "primary_failed" };
  if (shadow.failure === "client_gone") return { notJudged: "copy_abandoned" };
  if (shadow.failure !== null) {
    return { differences: [whole(shadowFailures[shadow.failure], primary.status, shadow.status, "absent")] };
  }
  // An error's body has other fields than an answer's, which would drown those that models differ in.
  if (primary.status !== shadow.status) {
    return { differences: [whole(statusField, primary.status, shadow.status, "value")] };
  }
  return sameBody ? { differences: [] } : judgeBodies(primary.body, shadow.body, rules, onNoText);
}

/** Whether what differs is in what the models say, not in whether they answered. */
export function isOfBodies(differences: readonly Difference[]): boolean {
  return differences.length > 0 && differences.every(({ field }) => !ofWholeAnswer.has(field));
}

const ofWholeAnswer: ReadonlySet<string> = new Set([statusField, ...Object.values(shadowFailures)]);

function judgeBodies(
  primary: RecordedBody,
  shadow: RecordedBody,
  rules: CompiledRules,
  onNoText?: (field: string) => void,
): Judgement {
  for (const body of [primary, shadow]) if ("unjudgeable" in body) return { notJudged: body.unjudgeable };
  if ("json" in primary && "json" in shadow) {
    return { differences: differencesOf(primary.json, shadow.json, rules, onNoText) };
  }
  if ("digest" in primary && "digest" in shadow) {
    if (primary.digest === shadow.digest) return { differences: [] };
    return { differences: [whole(bytesField, primary.digest, shadow.digest, "value")] };
  }
  const shown = (body: RecordedBody): unknown => ("json" in body ? body.json : bytesField);
  return { differences: [whole(bytesField, shown(primary), shown(shadow), "kind")] };
}

function whole(field: string, primary: unknown, shadow: unknown, how: Difference["how"]): Difference {
  return { field, at: field, how, primary, shadow, magnitude: 1 };
}
