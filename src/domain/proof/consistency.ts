import { exactUpperBound } from "../judgement/exactShare.ts";
import { anyField } from "./answers.ts";
import { sharesOfRisk } from "./fieldTest.ts";
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
  const own = fields.filter(({ field }) => field !== anyField);
  if (fields.length !== (own.length > 1 ? own.length + 1 : own.length))
    return "its answers were not judged as a whole; prove again with this version";
  const shares = sharesOfRisk(own.length, risk.falseAlarm);
  const wrong = fields.find(
    ({ field, p, differs }) => differs !== p <= (field === anyField ? shares.whole : shares.field),
  );
  if (wrong) return `${wrong.field} ${wrong.differs ? "does not differ" : "differs"} by its p`;
  return fields.some(({ across, within }) => across > varying || within > varying)
    ? "a field differs in more requests than the model"
    : undefined;
}
