import type { EnvironmentSpec, ZooEntrySpec } from "../config/environment.ts";
import type { ProofBounds } from "../domain/proof/subjects.ts";

/**
 * What a zoo model's proof is judged by: what it declares itself, else what its rollouts are judged by. Answers are compared as the nearest
 * of `proof`, `judge` and the rollout's shadow deployment says.
 */
export function proofBounds(
  { proof, judge, shadow }: Pick<ZooEntrySpec, "proof" | "judge" | "shadow">,
  shadows: EnvironmentSpec["shadows"],
): ProofBounds {
  const { maxMismatch, maxLatencyRatio } = proof ?? judge ?? {};
  const rules = proof?.compare ?? judge?.compare ?? (shadow && shadows[shadow.deployment]?.compare) ?? {};
  return { rules, maxMismatch, maxLatencyRatio };
}
