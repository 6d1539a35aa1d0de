import type { AnytimeInterval } from "../judgement/share.ts";
import type { Completeness } from "./completeness.ts";
import type { FactorFinding } from "./constantFactor.ts";
import type { FieldSummary } from "./fieldStatistics.ts";
import type { NotJudged } from "./judgement.ts";
import type { LatencySummary } from "./latency.ts";
import type { OutlierPair } from "./outliers.ts";
import type { StreamSpeed } from "./speed.ts";
import type { TimelinePoint } from "./timeline.ts";

/** What a comparison found. Plain data: it is printed as JSON, drawn as a report, judged by a gate. */
export interface ComparisonResult {
  /** First and last request that was compared, in milliseconds since 1970; null without any. */
  readonly from: number | null;
  readonly to: number | null;
  /** Pairs that were judged. */
  readonly pairs: number;
  /** Pairs that could not be judged, by why; they count nowhere else. */
  readonly notJudged: Readonly<Partial<Record<NotJudged, number>>>;
  /** Those of them in which the models may differ, so that a gate does not pass them by. */
  readonly undecided: number;
  /** Pairs that differ in anything. */
  readonly differing: number;
  /** Pairs that differ in a field that is more than noise; the same as `differing` without a noise floor. */
  readonly mismatches: number;
  /** Pairs whose request leaves its answer to chance. */
  readonly sampled: SampledPairs;
  /** Share of `mismatches` with its 95 % interval, which holds at every look. */
  readonly mismatchRate: AnytimeInterval;
  /** Pairs of the primary and a second copy of it, and how many of them differ; null without a noise floor. */
  readonly noise: { readonly pairs: number; readonly differing: number; readonly rate: AnytimeInterval } | null;
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
  /** Of streams alone. */
  readonly speed: { readonly primary: StreamSpeed; readonly shadow: StreamSpeed };
  readonly completeness: Completeness;
  readonly timeline: { readonly width: number; readonly points: readonly TimelinePoint[] };
  readonly outliers: readonly OutlierPair[];
  /** Fields for which a rule says how their texts are compared, and that hold numbers or flags; with the places where they did. */
  readonly notTexts: readonly { readonly field: string; readonly places: number }[];
}

/** Pairs whose request leaves its answer to chance (see `isSampled`): a stratum of their own. */
export interface SampledPairs {
  /** Those that are not judged, equal or not, because the primary does not repeat itself or was not asked; they count nowhere else. */
  readonly pairs: number;
  /** Those of them whose answers differ, perhaps by chance. */
  readonly differing: number;
  /** Those of them in which the shadow has another status or no whole answer, which is never chance. */
  readonly failing: number;
  /** Those whose request the primary has answered once more. */
  readonly asked: number;
  /** Those of them in which it gave the same answer again: they are judged, as any other pair. */
  readonly repeated: number;
  /** Some that are not judged and differ. */
  readonly examples: readonly OutlierPair[];
}
