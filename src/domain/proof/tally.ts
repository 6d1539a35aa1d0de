import { exactUpperBound } from "../judgement/exactShare.ts";
import type { OperationName } from "../protocols/operation.ts";
import { operationNamed } from "../protocols/operations.ts";
import { FieldStatistics, type FieldSummary } from "../shadow/fieldStatistics.ts";
import type { NotJudged } from "../shadow/judgement.ts";
import { LatencyHistogram } from "../shadow/latency.ts";
import { type ComparisonRules, type CompiledRules, compileRules } from "../shadow/rules.ts";
import { anyField, wholeFields } from "./answers.ts";
import { AskedRequest, type ProofRequest, type Round } from "./asked.ts";
import { fieldEvidence, mostRounds, roundsNeeded, sharesOfRisk } from "./fieldTest.ts";
import type { DifferingRequest, FieldFinding, ProofAnswers } from "./finding.ts";
import { shownDifference } from "./finding.ts";

/** How much a proof may err. */
export interface ProofRisk {
  /** Probability that a model is said to differ whose two sides answer alike, over all of its fields. */
  readonly falseAlarm: number;
  /** Probability that more requests differ than the bound says. */
  readonly bound: number;
}

export const usualRisk: ProofRisk = { falseAlarm: 0.01, bound: 0.05 };

/** Requests that show a difference and are told. */
const toldRequests = 3;

interface Kept {
  /** By the rules that the stack declares. */
  readonly declared: AskedRequest;
  /** Without them; the same where there are none. */
  readonly exact: AskedRequest;
}

/**
 * Collects the answers of one model's two sides, round by round. Of requests whose answers are all the same it keeps their number
 * alone.
 */
export class ProofTally {
  readonly #rules: ComparisonRules;
  readonly #hasRules: boolean;
  readonly #risk: ProofRisk;
  readonly #repeat: number;
  readonly #compiled = new Map<string, CompiledRules>();
  /** Requests with answers that differ. */
  readonly #kept = new Map<string, Kept>();
  readonly #latency = { old: new LatencyHistogram(), new: new LatencyHistogram() };
  #same = 0;

  /** @param repeat - rounds at least, for requests whose answers differ */
  constructor(rules: ComparisonRules, risk: ProofRisk, repeat: number) {
    this.#rules = rules;
    this.#hasRules = Object.values(rules).some((each) => Object.keys(each ?? {}).length > 0);
    this.#risk = risk;
    this.#repeat = repeat;
  }

  add(request: ProofRequest, round: Round): void {
    for (const [place, { failure, latencyMs }] of round.entries()) {
      if (failure === null && latencyMs !== null) this.#latency[place === 1 ? "new" : "old"].add(latencyMs);
    }
    const { key } = request;
    const kept = this.#kept.get(key) ?? this.#begun(request);
    kept.declared.add(round);
    if (kept.exact !== kept.declared) kept.exact.add(round);
    const { declared, exact } = kept;
    const isSame = isJudged(declared) && declared.fields.length === 0 && exact.fields.length === 0;
    if (!isSame) this.#kept.set(key, kept);
    else this.#same += 1;
  }

  /** Which of the requests have to be asked once more. */
  unsettled(): readonly ProofRequest[] {
    const open = [...this.#kept.values()].filter(({ declared }) => isJudged(declared));
    const wanted = new Map<string, number>();
    for (const side of ["declared", "exact"] as const) {
      const counts = countsOf(open.map((each) => each[side]));
      const shares = sharesOfRisk(counts.size, this.#risk.falseAlarm);
      const varying = open.filter((each) => each[side].fields.length > 0);
      for (const each of varying) {
        for (const field of [anyField, ...each[side].fields]) {
          const informative = field === anyField ? varying.length : (counts.get(field) ?? 1);
          const risk = field === anyField ? shares.whole : shares.field;
          const rounds = roundsNeeded(informative, risk, this.#repeat);
          const { key } = each.declared.request;
          wanted.set(key, Math.max(wanted.get(key) ?? 0, rounds));
        }
      }
    }
    return open
      .map(({ declared }) => declared)
      .filter(({ rounds, request }) => rounds < Math.min(mostRounds, wanted.get(request.key) ?? 0))
      .map(({ request }) => request);
  }

  /** What the answers say, once nothing is unsettled. */
  answers(): ProofAnswers {
    const kept = [...this.#kept.values()];
    const judged = kept.filter(({ declared }) => isJudged(declared));
    const notJudged: Partial<Record<NotJudged, number>> = {};
    for (const { declared } of kept) {
      const reason = declared.notJudged;
      if (reason !== undefined) notJudged[reason] = (notJudged[reason] ?? 0) + 1;
    }
    const bothFail = kept.filter(({ declared }) => declared.notJudged === undefined && declared.alwaysFails);
    const declared = judged.map((each) => each.declared).filter(({ fields }) => fields.length > 0);
    const requests = this.#same + judged.length;
    const fields = findings(declared, this.#risk);
    const shown = fields.filter(({ differs }) => differs).map(({ field }) => field);
    const named = shown.filter((field) => field !== anyField);
    const exactly = this.#hasRules
      ? findings(
          judged.map(({ exact }) => exact),
          this.#risk,
        )
      : fields;
    const across = declared.filter((each) => each.differsIn(anyField).across);
    const failing = { old: 0, new: 0 };
    for (const each of declared) {
      const failed = each.failures();
      if (failed.new && !failed.old) failing.new += 1;
      if (failed.old && !failed.new) failing.old += 1;
    }
    return {
      requests,
      bothFail: bothFail.map((each) => each.declared.request.id),
      notJudged,
      varying: declared.length,
      differing: across.length,
      bound: unseenBound({ requests, varying: declared.length, notJudged }, this.#risk.bound),
      differingBound: exactUpperBound(across.length, requests, this.#risk.bound),
      failing,
      fields,
      withinRules: shown.length === 0 && exactly.some(({ differs }) => differs),
      smallest: smallest(declared, named.length > 0 ? named : shown),
      latency: { old: this.#latency.old.summary(), new: this.#latency.new.summary() },
    };
  }

  #begun(request: ProofRequest): Kept {
    const declared = new AskedRequest(request, this.#compile("declared", this.#rules, request.operation));
    if (!this.#hasRules) return { declared, exact: declared };
    return { declared, exact: new AskedRequest(request, this.#compile("exact", {}, request.operation)) };
  }

  #compile(kind: string, rules: ComparisonRules, operation: OperationName | null): CompiledRules {
    const key = `${kind} ${operation}`;
    const compiled =
      this.#compiled.get(key) ?? compileRules(rules, operation === null ? undefined : operationNamed(operation));
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

/**
 * Greatest share of all requests like these that may differ, at the risk, as far as these tell: those whose answers vary, or cannot be
 * compared, may.
 */
export function unseenBound(
  { requests, varying, notJudged }: Pick<ProofAnswers, "requests" | "varying" | "notJudged">,
  risk: number,
): number {
  const unseen = Object.values(notJudged).reduce((sum, each) => sum + each, 0);
  return exactUpperBound(varying + unseen, requests + unseen, risk);
}

function isJudged({ notJudged, alwaysFails }: AskedRequest): boolean {
  return notJudged === undefined && !alwaysFails;
}

/** Of each field, how many requests have answers that differ in it. */
function countsOf(requests: readonly AskedRequest[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { fields } of requests) for (const field of fields) counts.set(field, (counts.get(field) ?? 0) + 1);
  return counts;
}

/** Every field that differs anywhere, and of several the answers as a whole, each judged by its share of the risk. Those that differ come first. */
function findings(requests: readonly AskedRequest[], { falseAlarm }: ProofRisk): FieldFinding[] {
  const counts = countsOf(requests);
  const statistics = new FieldStatistics();
  for (const each of requests) statistics.add(each.differences());
  const summaries = new Map<string, Omit<FieldSummary, "noise" | "isNoise">>(
    statistics.summary(requests.length).map((each) => [each.field, each]),
  );
  const shares = sharesOfRisk(counts.size, falseAlarm);
  return [...counts.keys(), ...(counts.size > 1 ? [anyField] : [])]
    .map((field): FieldFinding => {
      const asked = requests.flatMap((each) => each.field(field) ?? []);
      const sides = requests.map((each) => each.differsIn(field));
      const { p, least } = fieldEvidence(asked);
      const summary = summaries.get(field);
      return {
        field,
        p,
        least,
        differs: p <= (field === anyField ? shares.whole : shares.field),
        across: sides.filter(({ across }) => across).length,
        within: sides.filter(({ within }) => within).length,
        factor: summary?.factor?.factor ?? null,
        maxMagnitude: summary?.maxMagnitude ?? null,
      };
    })
    .sort((a, b) => a.p - b.p || (a.field < b.field ? -1 : 1));
}

/** The smallest requests that show a difference: one for each field first, a model's failures before all. */
function smallest(requests: readonly AskedRequest[], fields: readonly string[]): DifferingRequest[] {
  const bySize = requests.toSorted(
    (a, b) => a.request.bytes - b.request.bytes || (a.request.id < b.request.id ? -1 : 1),
  );
  const showing = (field: string): AskedRequest[] => {
    const across = bySize.filter((each) => each.differsIn(field).across);
    const alone = across.filter((each) => !each.differsIn(field).within);
    return alone.length > 0 ? alone : across;
  };
  const lists = fields.toSorted((a, b) => Number(wholeFields.has(b)) - Number(wholeFields.has(a))).map(showing);
  const first = lists.flatMap(([smallest]) => smallest ?? []);
  const rest = bySize.filter((each) => lists.some((list) => list.includes(each)));
  return [...new Set([...first, ...rest])].slice(0, toldRequests).map((each) => ({
    ...each.request,
    places: each.differences().length,
    differences: each.differences().slice(0, 5).map(shownDifference),
  }));
}
