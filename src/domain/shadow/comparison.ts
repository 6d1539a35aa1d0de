import { type Completeness, completenessOf } from "./completeness.ts";
import type { FactorFinding } from "./constantFactor.ts";
import { type Difference, differencesOf } from "./difference.ts";
import { bytesField, FieldStatistics, type FieldSummary, statusField } from "./fieldStatistics.ts";
import { LatencyHistogram, type LatencySummary } from "./latency.ts";
import { mostDifferent, type OutlierPair, Outliers } from "./outliers.ts";
import type { RecordedBody, RecordedCounts, RecordedPair } from "./recorded.ts";
import { type ComparisonRules, type CompiledRules, compileRules } from "./rules.ts";
import { Timeline, type TimelinePoint } from "./timeline.ts";
import { type RateInterval, wilsonInterval } from "./wilson.ts";

/** What a comparison found. Plain data: it is printed as JSON, drawn as a report, judged by a gate. */
export interface ComparisonResult {
  /** First and last request that was compared, in milliseconds since 1970; null without any. */
  readonly from: number | null;
  readonly to: number | null;
  /** Pairs that were compared. */
  readonly pairs: number;
  /** Pairs with a body that was too long to be kept. */
  readonly notComparable: number;
  /** Pairs that differ in anything. */
  readonly differing: number;
  /** Pairs that differ in a field that is more than noise; the same as `differing` without a noise floor. */
  readonly mismatches: number;
  /** Share of `mismatches` with its 95 % interval. */
  readonly mismatchRate: RateInterval;
  /** Pairs of the primary and a second copy of it, and how many of them differ; null without a noise floor. */
  readonly noise: { readonly pairs: number; readonly differing: number; readonly rate: RateInterval } | null;
  readonly fields: readonly FieldSummary[];
  /** A factor that nearly all differing numbers follow. */
  readonly factor: FactorFinding | null;
  /** Pairs by status of primary and shadow. */
  readonly statuses: readonly {
    readonly primary: number | null;
    readonly shadow: number | null;
    readonly pairs: number;
  }[];
  readonly latency: { readonly primary: LatencySummary; readonly shadow: LatencySummary };
  readonly completeness: Completeness;
  readonly timeline: { readonly width: number; readonly points: readonly TimelinePoint[] };
  readonly outliers: readonly OutlierPair[];
}

/** Sets of fields that are told apart; more of them are counted as a difference in fields that are not noise. */
const signaturesAtMost = 1_000;
/** Sets of fields of which pairs are kept, and which are told apart over time. */
const signaturesWithPairs = 50;
const unknownFields = "\u0000";

/** Pairs that differ in the same set of fields. */
interface Signature {
  pairs: number;
  /** By which the timeline knows it; those without pairs of their own share one. */
  readonly kind: number;
  readonly outliers: Outliers | undefined;
}

/** Compares pairs one by one and keeps sums only, so that memory does not grow with their number. */
export class Comparison {
  readonly #rules: CompiledRules;
  readonly #fields = new FieldStatistics();
  readonly #noise: { readonly fields: FieldStatistics; pairs: number; differing: number } | undefined;
  readonly #signatures = new Map<string, Signature>();
  readonly #statuses = new Map<string, number>();
  readonly #latency = { primary: new LatencyHistogram(), shadow: new LatencyHistogram() };
  readonly #timeline = new Timeline();
  #pairs = 0;
  #differing = 0;
  #notComparable = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  /** @param options.noiseFloor - whether `addNoise` will be called. @default false */
  constructor(rules: ComparisonRules = {}, options: { readonly noiseFloor?: boolean | undefined } = {}) {
    this.#rules = compileRules(rules);
    this.#noise = options.noiseFloor ? { fields: new FieldStatistics(), pairs: 0, differing: 0 } : undefined;
  }

  add(pair: RecordedPair): void {
    const { primary, shadow, at, requestId } = pair;
    if (primary.latencyMs !== null) this.#latency.primary.add(primary.latencyMs);
    if (shadow.latencyMs !== null) this.#latency.shadow.add(shadow.latencyMs);
    const statuses = { primary: primary.status, shadow: shadow.status };
    const key = `${statuses.primary} ${statuses.shadow}`;
    this.#statuses.set(key, (this.#statuses.get(key) ?? 0) + 1);
    const differences = this.#differences(pair);
    if (!differences) {
      this.#notComparable += 1;
      return;
    }
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
    signature.outliers?.add({ requestId, at, statuses }, differences);
  }

  /** A pair of the primary and a second copy of it: what differs here differs without any change of the model. */
  addNoise(pair: RecordedPair): void {
    if (!this.#noise) throw new Error("the comparison was made without a noise floor");
    const differences = this.#differences(pair);
    if (!differences) return;
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
      notComparable: this.#notComparable,
      differing: this.#differing,
      mismatches,
      mismatchRate: wilsonInterval(mismatches, this.#pairs),
      noise: noise
        ? { pairs: noise.pairs, differing: noise.differing, rate: wilsonInterval(noise.differing, noise.pairs) }
        : null,
      fields,
      factor: this.#fields.factor(),
      statuses: this.#statusCounts(),
      latency: { primary: this.#latency.primary.summary(), shadow: this.#latency.shadow.summary() },
      completeness: completenessOf(counts, percent),
      timeline: this.#timeline.summary((kind) => kinds.has(kind)),
      outliers: mostDifferent(real.map(({ outliers }) => outliers?.pairs() ?? [])),
    };
  }

  /** Undefined where a body is too long to tell. */
  #differences({ primary, shadow, sameBody }: RecordedPair): readonly Difference[] | undefined {
    // An error's body has other fields than an answer's, which would drown those that models differ in.
    if (primary.status !== shadow.status) {
      return [{ ...whole(statusField, primary.status, shadow.status), how: "value" }];
    }
    return sameBody ? [] : bodyDifferences(primary.body, shadow.body, this.#rules);
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
    const ofShadow = wilsonInterval(field.mismatches, this.#pairs);
    const isNoise = mismatches > 0 && ofShadow.low <= wilsonInterval(mismatches, pairs).high;
    return { ...field, noise, isNoise };
  }

  #statusCounts(): ComparisonResult["statuses"] {
    const code = (text: string | undefined): number | null => (text === "null" ? null : Number(text));
    return [...this.#statuses]
      .map(([key, pairs]) => ({ primary: code(key.split(" ")[0]), shadow: code(key.split(" ")[1]), pairs }))
      .sort((a, b) => b.pairs - a.pairs);
  }
}

function bodyDifferences(
  primary: RecordedBody,
  shadow: RecordedBody,
  rules: CompiledRules,
): readonly Difference[] | undefined {
  if ("truncated" in primary || "truncated" in shadow) return undefined;
  if ("json" in primary && "json" in shadow) return differencesOf(primary.json, shadow.json, rules);
  if ("digest" in primary && "digest" in shadow) {
    return primary.digest === shadow.digest
      ? []
      : [{ ...whole(bytesField, primary.digest, shadow.digest), how: "value" }];
  }
  const shown = (body: RecordedBody): unknown => ("json" in body ? body.json : bytesField);
  return [{ ...whole(bytesField, shown(primary), shown(shadow)), how: "kind" }];
}

function whole(field: string, primary: unknown, shadow: unknown): Omit<Difference, "how"> {
  return { field, at: field, primary, shadow, magnitude: 1 };
}
