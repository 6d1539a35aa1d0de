import type { ProofBounds } from "../proof/subjects.ts";
import type { Gate } from "./phases.ts";
import { digestOf } from "./smoke.ts";

/** What a proof has to be of, to let a rollout go forward. */
export interface ProofGateSubject {
  /** What tells content and variables of both sides from others: see `contentVersion`. */
  readonly old: string;
  readonly new: string;
  /** SHA-256 of each sample's file. */
  readonly samples: readonly string[];
  readonly bounds: ProofBounds;
}

/**
 * The gate that a proof before merge opens. Its suite changes with both contents, their variables, the samples and the declared
 * bounds, so that a proof of anything else is none.
 */
export function proofGate({ old, new: fresh, samples, bounds }: ProofGateSubject): Gate {
  const { rules, maxMismatch, maxLatencyRatio } = bounds;
  return {
    kind: "proof",
    suite: digestOf({ old, new: fresh, samples: samples.toSorted(), rules, maxMismatch, maxLatencyRatio }),
    from: "menagerie prove --record RESULT",
  };
}
