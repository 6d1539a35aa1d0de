import type { JudgeAction } from "./declared.ts";
import type { Decision, Judgement, Verdict } from "./state.ts";

/** What the judge says of a model's rollout. */
export interface RolloutVerdict {
  readonly model: string;
  readonly judgementId: string;
  readonly begunAt: Date;
  /** Risk of this judgement, of the whole rollout's. */
  readonly risk: number;
  readonly action: JudgeAction;
  /** By everything that is counted; the one that stopped the rollout stays. */
  readonly verdict: Verdict;
  /** Both versions fail by now, so that it decides nothing: not the new version's fault, and nobody's that a judge could name. */
  readonly bothFail: boolean;
  /** When the decision and its reasons became what they are; null before the first. */
  readonly since: Date | null;
  /** Requests that were counted after the verdict that stopped the rollout; null before it. */
  readonly afterDecision: Judgement["afterDecision"] | null;
  /** The latest verdicts, in order of time; each began where the decision or its reasons changed. */
  readonly history: readonly VerdictStep[];
}

export interface VerdictStep {
  readonly id: string;
  readonly decision: Decision;
  readonly because: readonly string[];
  readonly at: Date;
}
