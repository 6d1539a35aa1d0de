import type { ShadowGate } from "../shadow/gate.ts";
import type { ComparisonRules } from "../shadow/rules.ts";
import type { Gate } from "./phases.ts";
import { digestOf } from "./smoke.ts";

/** A shadow whose comparison lets a rollout go forward, as a stack declares it. */
export interface ShadowGateSubject {
  /** Name of the shadow deployment. */
  readonly deployment: string;
  /** Name of the shadow in it. */
  readonly shadow: string;
  /** What tells its content and variables from others: see `contentVersion`. */
  readonly version: string;
  readonly gate: ShadowGate;
  readonly rules: ComparisonRules;
}

/**
 * The gate that a comparison of shadow answers opens. Its suite changes with everything that says what was compared and
 * what is demanded, so that evidence of another content, other variables, rules or limits is none.
 *
 * @param model - the zoo model whose apps move
 */
export function shadowGate(model: string, subject: ShadowGateSubject): Gate {
  const { deployment, shadow } = subject;
  return {
    kind: "shadow",
    suite: digestOf(subject),
    from: `menagerie compare ${deployment} --shadow ${shadow} --record ${model}`,
  };
}
