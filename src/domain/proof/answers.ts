import type { Difference } from "../shadow/difference.ts";
import { statusField } from "../shadow/fieldStatistics.ts";
import { judgePair, type NotJudged, shadowFailures } from "../shadow/judgement.ts";
import type { RecordedAnswer, RecordedBody } from "../shadow/recorded.ts";
import type { CompiledRules } from "../shadow/rules.ts";
import { canonical } from "../shadow/unordered.ts";

/** Under which an answer that is not whole, beside one that is, counts as a difference. */
export const failedField = shadowFailures.failed;

/** Fields of an answer as a whole, in which a model that fails differs. */
export const wholeFields: ReadonlySet<string> = new Set([statusField, failedField]);

/** Under which answers count as a whole: they differ in it where they differ in any field. */
export const anyField = "any field";

/** Whether the model did not do what it was asked: no whole answer, or an error of the server's. What it refuses (4xx) is an answer. */
export function isFailure({ status, failure }: RecordedAnswer): boolean {
  return failure !== null || status === null || status >= 500;
}

/** Where the second answer differs from the first, or why nobody can say. */
export function differencesBetween(
  first: RecordedAnswer,
  second: RecordedAnswer,
  rules: CompiledRules,
): { readonly differences: readonly Difference[] } | { readonly notJudged: NotJudged } {
  if (first.failure === null && second.failure === null) {
    return judgePair({ requestId: "", at: 0, primary: first, shadow: second, sameBody: false }, rules);
  }
  // How it fails is a matter of when: a process that ends answers one request by half, and the next not at all.
  if (first.failure !== null && second.failure !== null) return { differences: [] };
  const place = { field: failedField, at: failedField, how: "absent", magnitude: 1 } as const;
  return { differences: [{ ...place, primary: shownStatus(first), shadow: shownStatus(second) }] };
}

/** Text by which answers that cannot differ are known: the same status and the same content. */
export function answerKey({ status, failure, body }: RecordedAnswer): string {
  return failure === null ? `${status} ${bodyKey(body)}` : "failed";
}

function bodyKey(body: RecordedBody): string {
  if ("json" in body) return canonical(body.json);
  return "digest" in body ? `digest ${body.digest}` : `unjudgeable ${body.unjudgeable}`;
}

function shownStatus({ status, failure }: RecordedAnswer): unknown {
  return failure === null ? status : failure;
}
