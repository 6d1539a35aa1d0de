import { anytimeInterval } from "../judgement/share.ts";
import type { OperationName } from "../protocols/operation.ts";
import { operationNamed } from "../protocols/operations.ts";
import type { ComparisonResult } from "./comparisonResult.ts";
import { completenessOf } from "./completeness.ts";
import type { Difference } from "./difference.ts";
import { FieldStatistics, type FieldSummary } from "./fieldStatistics.ts";
import { holdsGate, isOfBodies, judgePair, type NotJudged, shadowFailures } from "./judgement.ts";
import { LatencyHistogram } from "./latency.ts";
import { mostDifferent, Outliers } from "./outliers.ts";
import type { RecordedAnswer, RecordedCounts, RecordedPair } from "./recorded.ts";
import { type ComparisonRules, type CompiledRules, compileRules } from "./rules.ts";
import { StreamSpeeds } from "./speed.ts";
import { Timeline } from "./timeline.ts";

/** A pair whose request leaves its answer to chance: {@link Comparison.settle} counts it. */
export interface OpenPair {
  readonly pair: RecordedPair;
  readonly differences: readonly Difference[];
}

/** Of an interval that is shown, both sides together. */
const risk = 0.05;
/** Sets of fields that are told apart; more of them are counted as a difference in fields that are not noise. */
const signaturesAtMost = 1_000;
/** Sets of fields of which pairs are kept, and which are told apart over time. */
const signaturesWithPairs = 50;
const unknownFields = "\u0000";
/** A copy of the primary that fails too does not make up for a shadow that fails. */
const neverNoise: ReadonlySet<string> = new Set(Object.values(shadowFailures));

/** Pairs that differ in the same set of fields. */
interface Signature {
  pairs: number;
  /** By which the timeline knows it; those without pairs of their own share one. */
  readonly kind: number;
  readonly outliers: Outliers | undefined;
}

/** Compares pairs one by one and keeps sums only, so that memory does not grow with their number. */
export class Comparison {
  readonly #rules: ComparisonRules;
  readonly #compiled = new Map<OperationName | null, CompiledRules>();
  readonly #fields = new FieldStatistics();
  readonly #noise: { readonly fields: FieldStatistics; pairs: number; differing: number } | undefined;
  readonly #signatures = new Map<string, Signature>();
  readonly #statuses = new Map<string, number>();
  readonly #latency = { primary: new LatencyHistogram(), shadow: new LatencyHistogram() };
  readonly #speed = { primary: new StreamSpeeds(), shadow: new StreamSpeeds() };
  readonly #timeline = new Timeline();
  readonly #notTexts = new Map<string, number>();
  readonly #sampled = { pairs: 0, differing: 0, failing: 0, asked: 0, repeated: 0, examples: new Outliers() };
  #pairs = 0;
  #differing = 0;
  readonly #notJudged = new Map<NotJudged, number>();
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  /** @param options.noiseFloor - whether `addNoise` will be called. @default false */
  constructor(rules: ComparisonRules = {}, options: { readonly noiseFloor?: boolean | undefined } = {}) {
    this.#rules = rules;
    this.#noise = options.noiseFloor ? { fields: new FieldStatistics(), pairs: 0, differing: 0 } : undefined;
  }

  /** Answers with what {@link settle} is then called for, where the request leaves its answer to chance, equal answers or not. */
  add(pair: RecordedPair): OpenPair | undefined {
    const { primary, shadow } = pair;
    // How long half an answer took is not a latency of the model.
    for (const [side, { failure, latencyMs }] of [["primary", primary] as const, ["shadow", shadow] as const]) {
      if (failure === null && latencyMs !== null) this.#latency[side].add(latencyMs);
      this.#speed[side].add(pair[side]);
    }
    if (!pair.isRedacted) {
      const key = `${primary.status} ${shadow.status}`;
      this.#statuses.set(key, (this.#statuses.get(key) ?? 0) + 1);
    }
    const judgement = judgePair(pair, this.#rulesOf(pair), this.#noteNoText);
    if ("notJudged" in judgement) {
      this.#notJudged.set(judgement.notJudged, (this.#notJudged.get(judgement.notJudged) ?? 0) + 1);
      return undefined;
    }
    const { differences } = judgement;
    if (pair.isSampled) return { pair, differences };
    this.#count(pair, differences);
    return undefined;
  }

  /**
   * Counts a pair whose request leaves its answer to chance. It is judged only where the primary repeats itself, equal or not: if equal pairs
   * always counted and others only when confirmed, the mismatch would be too low.
   *
   * @param again - another answer of the primary to the same request; undefined where it was not asked
   */
  settle(open: OpenPair, again?: RecordedAnswer): void {
    const { pair, differences } = open;
    if (again) {
      this.#sampled.asked += 1;
      const judgement = judgePair({ ...pair, shadow: again, sameBody: false }, this.#rulesOf(pair));
      if ("differences" in judgement && judgement.differences.length === 0) {
        this.#sampled.repeated += 1;
        this.#count(pair, differences);
        return;
      }
    }
    this.#sampled.pairs += 1;
    if (differences.length === 0) return;
    if (isOfBodies(differences)) this.#sampled.differing += 1;
    else this.#sampled.failing += 1;
    this.#sampled.examples.add(outlierOf(pair), differences);
  }

  #count(pair: RecordedPair, differences: readonly Difference[]): void {
    const { at } = pair;
    this.#pairs += 1;
    this.#from = Math.min(this.#from, at);
    this.#to = Math.max(this.#to, at);
    if (differences.length === 0) {
      this.#timeline.add(at, undefined);
      return;
    }
    this.#differing += 1;
    const signature = this.#signatureOf(this.#fields.add(differences));
    this.#timeline.add(at, signature.kind);
    signature.pairs += 1;
    signature.outliers?.add(outlierOf(pair), differences);
  }

  /** By what the request asked: one deployment may answer in several protocols. */
  #rulesOf({ operation = null }: RecordedPair): CompiledRules {
    let compiled = this.#compiled.get(operation);
    if (!compiled) {
      compiled = compileRules(this.#rules, operation === null ? undefined : operationNamed(operation));
      this.#compiled.set(operation, compiled);
    }
    return compiled;
  }

  readonly #noteNoText = (field: string): void => {
    this.#notTexts.set(field, (this.#notTexts.get(field) ?? 0) + 1);
  };

  /** A pair of the primary and a second copy of it: what differs here differs without any change of the model. */
  addNoise(pair: RecordedPair): void {
    if (!this.#noise) throw new Error("the comparison was made without a noise floor");
    // What differs by chance in some requests would pass for noise in those that leave nothing to it.
    if (pair.isSampled) return;
    const judgement = judgePair(pair, this.#rulesOf(pair));
    if ("notJudged" in judgement) return;
    const { differences } = judgement;
    this.#noise.pairs += 1;
    if (differences.length === 0) return;
    this.#noise.differing += 1;
    this.#noise.fields.add(differences);
  }

  /** @param percent - share of the primary's requests that is mirrored, 0 to 100 */
  result(counts: RecordedCounts, percent: number): ComparisonResult {
    const noise = this.#noise;
    const fields = this.#fields.summary(this.#pairs).map((field) => this.#againstNoise(field));
    const noisy = new Set(fields.filter(({ isNoise }) => isNoise).map(({ field }) => field));
    const isNoise = (name: string): boolean =>
      name !== unknownFields && name.split(unknownFields).every((field) => noisy.has(field));
    const real = [...this.#signatures].filter(([name]) => !isNoise(name)).map(([, signature]) => signature);
    const mismatches = real.reduce((sum, { pairs }) => sum + pairs, 0);
    const kinds = new Set(real.map(({ kind }) => kind));
    return {
      from: this.#pairs === 0 ? null : this.#from,
      to: this.#pairs === 0 ? null : this.#to,
      pairs: this.#pairs,
      notJudged: Object.fromEntries([...this.#notJudged].sort(([a], [b]) => (a < b ? -1 : 1))),
      undecided: [...this.#notJudged].reduce((sum, [reason, pairs]) => sum + (holdsGate(reason) ? pairs : 0), 0),
      differing: this.#differing,
      sampled: { ...this.#sampled, examples: mostDifferent([this.#sampled.examples.pairs()]) },
      mismatches,
      mismatchRate: anytimeInterval(mismatches, this.#pairs, risk),
      noise: noise
        ? { pairs: noise.pairs, differing: noise.differing, rate: anytimeInterval(noise.differing, noise.pairs, risk) }
        : null,
      fields,
      factor: this.#fields.factor(),
      statuses: this.#statusCounts(),
      latency: { primary: this.#latency.primary.summary(), shadow: this.#latency.shadow.summary() },
      speed: { primary: this.#speed.primary.summary(), shadow: this.#speed.shadow.summary() },
      completeness: completenessOf(counts, percent),
      timeline: this.#timeline.summary((kind) => kinds.has(kind)),
      outliers: mostDifferent(real.map(({ outliers }) => outliers?.pairs() ?? [])),
      notTexts: [...this.#notTexts].map(([field, places]) => ({ field, places })),
    };
  }

  #signatureOf(fields: ReadonlySet<string>): Signature {
    const wanted = [...fields].sort().join(unknownFields);
    const name = this.#signatures.has(wanted) || this.#signatures.size < signaturesAtMost ? wanted : unknownFields;
    let signature = this.#signatures.get(name);
    if (!signature) {
      const kind = this.#signatures.size;
      signature =
        kind < signaturesWithPairs
          ? { pairs: 0, kind, outliers: new Outliers() }
          : { pairs: 0, kind: signaturesWithPairs, outliers: undefined };
      this.#signatures.set(name, signature);
    }
    return signature;
  }

  /**
   * A field is noise when two copies of the primary differ in it too, and the shadow not clearly more often: the intervals
   * of both shares touch.
   */
  #againstNoise(field: Omit<FieldSummary, "noise" | "isNoise">): FieldSummary {
    if (!this.#noise) return { ...field, noise: null, isNoise: false };
    const { pairs, fields } = this.#noise;
    const mismatches = fields.mismatchesOf(field.field);
    const noise = { mismatches, rate: pairs === 0 ? 0 : mismatches / pairs };
    const ofShadow = anytimeInterval(field.mismatches, this.#pairs, risk);
    const isNoise =
      !neverNoise.has(field.field) && mismatches > 0 && ofShadow.low <= anytimeInterval(mismatches, pairs, risk).high;
    return { ...field, noise, isNoise };
  }

  #statusCounts(): ComparisonResult["statuses"] {
    const code = (text: string | undefined): number | null => (text === "null" ? null : Number(text));
    return [...this.#statuses]
      .map(([key, pairs]) => ({ primary: code(key.split(" ")[0]), shadow: code(key.split(" ")[1]), pairs }))
      .sort((a, b) => b.pairs - a.pairs);
  }
}

function outlierOf({ requestId, attempt = 1, at, primary, shadow }: RecordedPair) {
  return { requestId, attempt, at, statuses: { primary: primary.status, shadow: shadow.status } };
}
