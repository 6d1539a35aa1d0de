import type { Difference } from "../shadow/difference.ts";
import { shortened } from "../shadow/fieldStatistics.ts";
import type { NotJudged } from "../shadow/judgement.ts";
import type { LatencySummary } from "../shadow/latency.ts";
import type { ProofRequest } from "./asked.ts";

/** A field in which answers differ. Counts are of requests. */
export interface FieldFinding {
  readonly field: string;
  /** As {@link fieldEvidence} has them. */
  readonly p: number;
  readonly least: number;
  /** The new side differs more than chance explains, at the field's share of the risk. */
  readonly differs: boolean;
  /** Requests in which the new side differs from the old one. */
  readonly across: number;
  /** Requests in which the old side differs from itself. */
  readonly within: number;
  /** New by old, where nearly all numbers that differ follow one factor. */
  readonly factor: number | null;
  /** Largest relative difference, 0 to 1; null where only the old side differs from itself. */
  readonly maxMagnitude: number | null;
}

/** A request that shows a difference. */
export interface DifferingRequest extends ProofRequest {
  /** Places in which the first two answers that differ do so, and the first of them. */
  readonly places: number;
  readonly differences: readonly ShownDifference[];
}

export type ShownDifference = {
  readonly at: string;
  readonly how: Difference["how"];
  readonly old: unknown;
  readonly new: unknown;
};

export function shownDifference({ at, how, primary, shadow }: Difference): ShownDifference {
  return { at, how, old: shortened(primary), new: shortened(shadow) };
}

/** What the answers of both sides of one model say. Counts are of requests, shares 0 to 1. */
export interface ProofAnswers {
  /** Requests whose answers were compared. */
  readonly requests: number;
  /** Ids of those that neither side has ever answered: they say nothing. */
  readonly bothFail: readonly string[];
  /** Those whose answers cannot be compared, by why. */
  readonly notJudged: Readonly<Partial<Record<NotJudged, number>>>;
  /** Requests in which any two answers differ, whoever gave them. */
  readonly varying: number;
  /** Those of them in which the new side differs from the old one. */
  readonly differing: number;
  /** Upper bound of the share of requests that may differ: see `unseenBound`. */
  readonly bound: number;
  /** The same of those in which the new side differs from the old one. */
  readonly differingBound: number;
  /** Requests that only one side failed. */
  readonly failing: { readonly old: number; readonly new: number };
  readonly fields: readonly FieldFinding[];
  /** Nothing differs by the declared rules, and something without them. */
  readonly withinRules: boolean;
  readonly smallest: readonly DifferingRequest[];
  readonly latency: { readonly old: LatencySummary; readonly new: LatencySummary };
}
