import { anytimeUpperBound } from "../judgement/share.ts";
import type { ComparisonResult } from "./comparisonResult.ts";
import { holdsGate } from "./judgement.ts";
import { describeNotJudged } from "./notJudgedText.ts";
import { count, percent } from "./readable.ts";

/** What a shadow has to show before it may take over. Shares are 0 to 1. */
export interface ShadowGate {
  /** Pairs that were compared, at least. */
  readonly minPairs: number;
  /** Share of pairs that differ by more than noise, at most, with `confidence`. */
  readonly maxMismatch: number;
  /** That the true share is not above `maxMismatch`, however often somebody compares until the gate is met. @default 0.95 */
  readonly confidence: number;
  /** Share of the mirrored requests with an answer stored on both sides, at least. */
  readonly minCompleteness: number;
  /** Share of the pairs that could not be judged, at most. @default 0 */
  readonly maxNotJudged?: number | undefined;
  /**
   * The shadow's 95th percentile divided by the primary's, at most.
   * @default not judged
   */
  readonly maxLatencyRatio?: number | undefined;
  /** Share of the pairs with sampled requests that differ, perhaps by chance, and are not judged: at most. @default 0 */
  readonly maxSampled?: number | undefined;
  /**
   * The 95th percentile of the shadow's time to the first token divided by the primary's, at most.
   * @default not judged
   */
  readonly maxFirstTokenRatio?: number | undefined;
  /**
   * The 5th percentile of the shadow's tokens per second, which 95 % of its streams reach, divided by the primary's, at least.
   * @default not judged
   */
  readonly minTokensPerSecondRatio?: number | undefined;
}

/** One of the gate's conditions. */
export interface GateCheck {
  readonly name:
    | "pairs"
    | "mismatch"
    | "judged"
    | "completeness"
    | "latency"
    | "sampled"
    | "sampledFailures"
    | "firstToken"
    | "tokensPerSecond";
  readonly met: boolean;
  /** Such as `38 of 500 pairs`. */
  readonly sentence: string;
}

export interface GateVerdict {
  readonly met: boolean;
  readonly checks: readonly GateCheck[];
}

/** Judges a result. What was not measured is not met. */
export function judgeGate(result: ComparisonResult, gate: ShadowGate): GateVerdict {
  const { pairs, mismatches, completeness, latency, speed } = result;
  const bound = anytimeUpperBound(mismatches, pairs, 1 - gate.confidence);
  const checks: GateCheck[] = [
    {
      name: "pairs",
      met: pairs >= gate.minPairs,
      sentence: `${count(pairs)} ${pairs === 1 ? "pair was" : "pairs were"} compared, at least ${count(gate.minPairs)} are needed`,
    },
    {
      name: "mismatch",
      met: pairs > 0 && bound <= gate.maxMismatch,
      sentence:
        pairs === 0
          ? "nothing was compared, so the mismatch is not known"
          : `${percent(mismatches / pairs)} differ, with ${percent(gate.confidence)} confidence at most ${percent(bound)}; ${percent(gate.maxMismatch)} are allowed`,
    },
    judgedCheck(result, gate.maxNotJudged ?? 0),
    {
      name: "completeness",
      met: completeness.rate !== null && completeness.rate >= gate.minCompleteness,
      sentence:
        completeness.rate === null
          ? "nothing was mirrored, so the completeness is not known"
          : `${percent(completeness.rate)} of ${count(completeness.sampled)} mirrored requests are stored on both sides, ${percent(gate.minCompleteness)} are needed`,
    },
  ];
  if (result.sampled.pairs > 0 || gate.maxSampled !== undefined) {
    checks.push(sampledCheck(result, gate.maxSampled ?? 0));
  }
  if (result.sampled.failing > 0) checks.push(sampledFailuresCheck(result, gate));
  if (gate.maxLatencyRatio !== undefined) checks.push(latencyCheck(latency, gate.maxLatencyRatio));
  if (gate.maxFirstTokenRatio !== undefined) checks.push(firstTokenCheck(speed, gate.maxFirstTokenRatio));
  if (gate.minTokensPerSecondRatio !== undefined) {
    checks.push(tokensPerSecondCheck(speed, gate.minTokensPerSecondRatio));
  }
  return { met: checks.every(({ met }) => met), checks };
}

function judgedCheck({ pairs, undecided, notJudged }: ComparisonResult, allowed: number): GateCheck {
  const all = pairs + undecided;
  const share = all === 0 ? 0 : undecided / all;
  return {
    name: "judged",
    met: share <= allowed,
    sentence:
      undecided === 0
        ? "every pair of answers could be judged"
        : `${count(undecided)} of ${count(all)} pairs could not be judged (${describeNotJudged(notJudged, holdsGate)}); ${percent(allowed)} is allowed: compare from later by --since, or set gate.maxNotJudged`,
  };
}

function latencyCheck({ primary, shadow }: ComparisonResult["latency"], allowed: number): GateCheck {
  if (!primary.p95 || shadow.p95 === null) {
    return { name: "latency", met: false, sentence: "no latencies were recorded on both sides" };
  }
  const ratio = shadow.p95 / primary.p95;
  return {
    name: "latency",
    met: ratio <= allowed,
    sentence: `the shadow's p95 is ${ratio.toFixed(2)} times the primary's, ${allowed} is allowed`,
  };
}

/** Upper bound of the share of failures in pairs that are not judged because their requests are sampled; 0 where none failed. */
export function sampledFailuresBound({ sampled }: Pick<ComparisonResult, "sampled">, confidence: number): number {
  return sampled.failing === 0 ? 0 : anytimeUpperBound(sampled.failing, sampled.pairs, 1 - confidence);
}

function sampledFailuresCheck(result: ComparisonResult, { maxMismatch, confidence }: ShadowGate): GateCheck {
  const { failing, pairs } = result.sampled;
  const bound = sampledFailuresBound(result, confidence);
  return {
    name: "sampledFailures",
    met: bound <= maxMismatch,
    sentence: `${percent(failing / pairs)} of ${count(pairs)} pairs that are not judged have another status or no whole answer, with ${percent(confidence)} confidence at most ${percent(bound)}; ${percent(maxMismatch)} is allowed`,
  };
}

function sampledCheck({ sampled }: ComparisonResult, allowed: number): GateCheck {
  // Of their own kind alone: requests with a seed say nothing about how much chance there is in the others.
  const all = sampled.pairs + sampled.repeated;
  const share = all === 0 ? 0 : sampled.differing / all;
  return {
    name: "sampled",
    met: share <= allowed,
    sentence:
      sampled.differing === 0
        ? "no pair differs by chance"
        : `${count(sampled.differing)} of ${count(all)} pairs with sampled requests differ, perhaps by chance, because the primary is not known to repeat itself; ${percent(allowed)} is allowed: declare noiseFloor, ask the primary by --ask-primary, or set gate.maxSampled`,
  };
}

function firstTokenCheck({ primary, shadow }: ComparisonResult["speed"], allowed: number): GateCheck {
  const [ofPrimary, ofShadow] = [primary.firstToken.p95, shadow.firstToken.p95];
  if (!ofPrimary || ofShadow === null) {
    return { name: "firstToken", met: false, sentence: "no time to the first token was recorded on both sides" };
  }
  const ratio = ofShadow / ofPrimary;
  return {
    name: "firstToken",
    met: ratio <= allowed,
    sentence: `the p95 of the shadow's time to the first token is ${ratio.toFixed(2)} times the primary's, ${allowed} is allowed`,
  };
}

function tokensPerSecondCheck({ primary, shadow }: ComparisonResult["speed"], wanted: number): GateCheck {
  const [ofPrimary, ofShadow] = [primary.tokensPerSecond.p5, shadow.tokensPerSecond.p5];
  if (!ofPrimary || ofShadow === null) {
    return {
      name: "tokensPerSecond",
      met: false,
      sentence:
        "no tokens per second were recorded on both sides: streams tell their tokens where the client asks for usage",
    };
  }
  const ratio = ofShadow / ofPrimary;
  return {
    name: "tokensPerSecond",
    met: ratio >= wanted,
    sentence: `the tokens per second that 95 % of the shadow's streams reach are ${ratio.toFixed(2)} times the primary's, ${wanted} is needed`,
  };
}
