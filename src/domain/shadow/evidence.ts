import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { ComparisonResult } from "./comparisonResult.ts";
import { type GateVerdict, judgeGate, type ShadowGate } from "./gate.ts";
import type { ComparisonRules } from "./rules.ts";
import type { StreamSpeed } from "./speed.ts";
import { canonical } from "./unordered.ts";

/** One side of a comparison. */
export interface ComparedSide {
  /** Name in config; of the primary the name of the shadow deployment. */
  readonly name: string;
  /** What tells its content from others: see `contentVersion`. */
  readonly version: string;
}

/** What was compared under which rules. */
export interface ComparedSubject {
  readonly deployment: string;
  readonly primary: ComparedSide;
  readonly shadow: ComparedSide;
  readonly rules: ComparisonRules;
  readonly gate?: ShadowGate | undefined;
}

/** What a gate was judged by, small enough to be kept for good. It holds no part of any request or answer. */
export interface ShadowEvidence extends ComparedSubject {
  readonly kind: "shadow";
  readonly from: string | null;
  readonly to: string | null;
  readonly pairs: number;
  readonly notJudged: ComparisonResult["notJudged"];
  readonly sampled: Omit<ComparisonResult["sampled"], "examples">;
  readonly differing: number;
  readonly mismatches: number;
  readonly mismatchRate: ComparisonResult["mismatchRate"];
  readonly noise: ComparisonResult["noise"];
  readonly completeness: ComparisonResult["completeness"];
  readonly latency: Readonly<
    Record<"primary" | "shadow", { readonly p50: number | null; readonly p95: number | null }>
  >;
  /** 95th percentile of the time to the first token in milliseconds, 5th of the tokens per second; null without streams. */
  readonly speed: Readonly<
    Record<"primary" | "shadow", { readonly firstToken: number | null; readonly tokensPerSecond: number | null }>
  >;
  readonly fields: readonly { readonly field: string; readonly mismatches: number; readonly isNoise: boolean }[];
  /** Null where no gate is declared. */
  readonly verdict: GateVerdict | null;
}

export function evidenceOf(subject: ComparedSubject, result: ComparisonResult): ShadowEvidence {
  const { gate } = subject;
  const { speed } = result;
  const { examples: _, ...sampled } = result.sampled;
  const { primary, shadow } = result.latency;
  const moment = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return {
    kind: "shadow",
    ...subject,
    from: moment(result.from),
    to: moment(result.to),
    pairs: result.pairs,
    notJudged: result.notJudged,
    sampled,
    differing: result.differing,
    mismatches: result.mismatches,
    mismatchRate: result.mismatchRate,
    noise: result.noise,
    completeness: result.completeness,
    latency: { primary: { p50: primary.p50, p95: primary.p95 }, shadow: { p50: shadow.p50, p95: shadow.p95 } },
    speed: { primary: slowest(speed.primary), shadow: slowest(speed.shadow) },
    fields: result.fields.map(({ field, mismatches, isNoise }) => ({ field, mismatches, isNoise })),
    verdict: gate ? judgeGate(result, gate) : null,
  };
}

function slowest({ firstToken, tokensPerSecond }: StreamSpeed) {
  return { firstToken: firstToken.p95, tokensPerSecond: tokensPerSecond.p5 };
}

/** SHA-256 of an evidence, whatever the order of its keys: 64 hex digits. */
export function evidenceHash(evidence: object): string {
  return bytesToHex(sha256(utf8ToBytes(canonical(evidence))));
}

/**
 * Version of a recorded model: 12 hex digits that change with its truss and its variables, so that answers of one content
 * are never counted for another.
 */
export function contentVersion(trussHash: string, env: Readonly<Record<string, string>>): string {
  return bytesToHex(sha256(utf8ToBytes(canonical({ trussHash, env })))).slice(0, 12);
}
