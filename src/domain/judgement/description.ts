import { count } from "../shadow/readable.ts";
import type { Judgement, SideTotal, Verdict } from "./state.ts";

/** What `menagerie rollout <model>` says of a judge: the decision, why, and what was counted after it. */
export function describeVerdict({
  verdict: { decision, because, notes, metrics },
  since,
  afterDecision,
}: {
  readonly verdict: Verdict;
  readonly since: Date | null;
  readonly afterDecision: Judgement["afterDecision"] | null;
}): string[] {
  const at = since === null ? "" : ` since ${since.toISOString()}`;
  const said = decision === "good" ? metrics.map(({ sentence }) => sentence) : because;
  return [
    `judge: ${decision}${at}${notes.length > 0 ? ` (${notes.join(", ")})` : ""}`,
    ...said.map((sentence) => `  ${sentence}`),
    ...(afterDecision && afterDecision.new.requests + afterDecision.old.requests > 0
      ? [`  after the decision: errors ${ofAll(afterDecision.new)} against ${ofAll(afterDecision.old)}`]
      : []),
  ];
}

function ofAll({ failed, requests }: SideTotal): string {
  return `${count(failed)} of ${count(requests)}`;
}
