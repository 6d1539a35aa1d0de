import { counted } from "../counted.ts";
import { evidenceHash } from "../shadow/evidence.ts";
import type { LatencySummary } from "../shadow/latency.ts";
import { count, duration, percent } from "../shadow/readable.ts";
import { anyField, failedField, wholeFields } from "./answers.ts";
import type { FieldFinding, ProofAnswers } from "./finding.ts";
import type { ProofBounds } from "./subjects.ts";

export const verdicts = ["equal", "within", "differs", "fails", "undecided", "not judged"] as const;
export type Verdict = (typeof verdicts)[number];

/** As people read them. */
export const verdictNames: Readonly<Record<Verdict, string>> = {
  equal: "equal",
  within: "differs within the declared bound",
  differs: "differs",
  fails: "fails",
  undecided: "not told apart",
  "not judged": "not judged",
};

/** What a model's answers come to. */
export interface Judged {
  readonly verdict: Verdict;
  /** Why, in sentences; the first says most. */
  readonly because: readonly string[];
}

/** Answers with the quantiles of both sides. */
export type JudgedAnswers = Omit<ProofAnswers, "latency" | "smallest"> & {
  readonly latency: Readonly<Record<"old" | "new", Pick<LatencySummary, "p50" | "p95">>>;
};

/** Of everything that the stack declares a verdict by. */
export function boundsHash({ rules, maxMismatch, maxLatencyRatio }: ProofBounds): string {
  return evidenceHash({ rules, maxMismatch, maxLatencyRatio });
}

/** More of the requests may differ unseen: then nobody can say that the two sides are equal. */
const unseenAtMost = 0.5;

/**
 * The verdict on two sides that were both asked. `fails`: the new side fails what the old one answers, more than chance explains.
 * `differs`: a field does ({@link fieldEvidence}). `within`: it does, and the bound of the share that differs is what the stack allows; or
 * only what its rules leave out differs. `undecided`: nothing was shown, and more than half of the requests could differ unseen,
 * since the old side does not equal itself or there were too few. `equal`: at most the bound's share of the requests differs.
 */
export function judgeAnswers(
  answers: JudgedAnswers,
  declared: Pick<ProofBounds, "maxMismatch" | "maxLatencyRatio">,
): Judged {
  const judged = judgeContent(answers, declared.maxMismatch);
  const slow = exceeded(answers, declared);
  if (slow.length === 0) return judged;
  const verdict = judged.verdict === "equal" || judged.verdict === "within" ? "differs" : judged.verdict;
  return { verdict, because: [...(verdict === judged.verdict ? judged.because : []), ...slow] };
}

function judgeContent(answers: JudgedAnswers, maxMismatch: number | undefined): Judged {
  const { requests, bothFail, fields, differing, failing, differingBound } = answers;
  if (requests === 0) return { verdict: "not judged", because: [noRequests(answers)] };
  const differ = fields.filter(({ differs }) => differs);
  const named = differ.filter(({ field }) => field !== anyField);
  const shown = named.length > 0 ? named : differ;
  const notes = [
    ...(bothFail.length > 0
      ? [`${counted(bothFail.length, "request")} ${bothFail.length === 1 ? "fails" : "fail"} on both sides`]
      : []),
    ...Object.entries(answers.notJudged).map(
      ([reason, of]) => `${counted(of, "request")} cannot be compared: ${reason.replaceAll("_", " ")}`,
    ),
  ];
  if (shown.length === 0)
    return { ...withoutDifference(answers), because: [...withoutDifference(answers).because, ...notes] };
  const of = `${count(differing)} of ${counted(requests, "request")}`;
  const names = shown.map(describeField);
  if (shown.some(({ field }) => wholeFields.has(field)) && failing.new > failing.old) {
    const says = `the new side fails ${count(failing.new)} of ${counted(requests, "request")} that the old one answers`;
    return {
      verdict: "fails",
      because: [says, ...names.filter((_, at) => !wholeFields.has(shown[at]?.field ?? "")), ...notes],
    };
  }
  const mended =
    failing.old > 0
      ? [`${counted(failing.old, "request")} that the old side fails ${failing.old === 1 ? "is" : "are"} answered`]
      : [];
  if (maxMismatch !== undefined && differingBound <= maxMismatch) {
    const says = `${of} differ, at most ${percent(differingBound)} of all; ${percent(maxMismatch)} are allowed`;
    return { verdict: "within", because: [says, ...names, ...mended, ...notes] };
  }
  const allowed =
    maxMismatch === undefined ? "" : `, up to ${percent(differingBound)} of all; ${percent(maxMismatch)} are allowed`;
  return {
    verdict: "differs",
    because: [`${of} differ${differing === 1 ? "s" : ""}${allowed}`, ...names, ...mended, ...notes],
  };
}

function withoutDifference({ requests, varying, bound, withinRules, fields }: JudgedAnswers): Judged {
  if (bound > unseenAtMost) {
    const noisy = fields.filter(({ field, within }) => within > 0 && field !== anyField).map(({ field }) => field);
    const why =
      varying === 0
        ? `${counted(requests, "request")} ${requests === 1 ? "is" : "are"} too few: up to ${percent(bound)} could differ unseen; take a larger sample`
        : `the old side does not equal itself in ${list(noisy.slice(0, 5))}: declare how ${noisy.length === 1 ? "it is" : "they are"} compared, by a rule for its text (json, contains, length, numbers) or ignore`;
    return { verdict: "undecided", because: [why] };
  }
  const equal =
    varying === 0
      ? `${counted(requests, "request")}, all equal: at most ${percent(bound)} can differ`
      : `no more differences than the old side has from itself, in ${count(varying)} of ${counted(requests, "request")}: at most ${percent(bound)} can differ`;
  if (!withinRules) return { verdict: "equal", because: [equal] };
  return { verdict: "within", because: [`only what the declared rules leave out differs; by them ${equal}`] };
}

function noRequests({ bothFail, notJudged }: JudgedAnswers): string {
  if (bothFail.length > 0) return `the old side fails every request that could be compared, as the new one does`;
  const reasons = Object.keys(notJudged).map((each) => each.replaceAll("_", " "));
  return reasons.length === 0 ? "no request was asked" : `no answer can be compared: ${list(reasons)}`;
}

function describeField({ field, across, factor, maxMagnitude, p }: FieldFinding): string {
  if (field === anyField)
    return `the answers as a whole differ in ${counted(across, "request")}, and too many fields do for one of them to be shown alone (p ${p < 1e-4 ? "under 0.0001" : p.toFixed(4)})`;
  const name = field === failedField ? "no whole answer" : field;
  const how =
    factor !== null
      ? `, by a factor of ${factor}`
      : maxMagnitude !== null && maxMagnitude < 1
        ? `, by up to ${percent(maxMagnitude)}`
        : "";
  return `${name} differs in ${counted(across, "request")}${how} (p ${p < 1e-4 ? "under 0.0001" : p.toFixed(4)})`;
}

/** Quantiles over the limits that the stack declares. */
function exceeded(
  { latency }: JudgedAnswers,
  { maxLatencyRatio = {} }: Pick<ProofBounds, "maxMismatch" | "maxLatencyRatio">,
): string[] {
  return (["p50", "p95"] as const).flatMap((quantile) => {
    const [limit, old, fresh] = [maxLatencyRatio[quantile], latency.old[quantile], latency.new[quantile]];
    if (limit === undefined || !old || fresh === null || fresh / old <= limit) return [];
    return [
      `${quantile} is ${(fresh / old).toFixed(1)} times the old side's, ${duration(fresh)} against ${duration(old)}; ${limit} is allowed`,
    ];
  });
}

function list(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
