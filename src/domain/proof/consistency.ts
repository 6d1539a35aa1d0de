import { exactUpperBound } from "../judgement/exactShare.ts";
import { type ProofRisk, unseenBound, usualRisk } from "./tally.ts";
import type { JudgedAnswers } from "./verdict.ts";

/** What in numbers that were read from a file cannot have come of any answers; undefined where they can. */
export function inconsistency(answers: JudgedAnswers, risk: ProofRisk): string | undefined {
  const { requests, varying, differing, bound, differingBound, fields } = answers;
  if (risk.falseAlarm !== usualRisk.falseAlarm || risk.bound !== usualRisk.bound)
    return "its risk is not the usual one";
  if (varying > requests || differing > varying) return "it has more differences than requests";
  const isSame = (given: number, computed: number): boolean => Math.abs(given - computed) < 1e-9;
  if (!isSame(bound, unseenBound(answers, risk.bound))) return "its bound is not that of its counts";
  if (!isSame(differingBound, exactUpperBound(differing, requests, risk.bound)))
    return "its bound is not that of its counts";
  const wrong = fields.find(({ p, differs }) => differs !== p <= risk.falseAlarm / fields.length);
  if (wrong) return `${wrong.field} ${wrong.differs ? "does not differ" : "differs"} by its p`;
  return fields.some(({ across, within }) => across > varying || within > varying)
    ? "a field differs in more requests than the model"
    : undefined;
}
