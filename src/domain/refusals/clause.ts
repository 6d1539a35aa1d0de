/**
 * Why something cannot be, in its two halves. Answered by a rule that does not know under which key its subject stands; whoever knows
 * makes a refusal of it.
 */
export interface Clause {
  readonly problem: string;
  /** What to change; empty where the problem says it. */
  readonly fix: string;
}

/** Both halves, for people. */
export function sentenceOf({ problem, fix }: Clause): string {
  return fix === "" ? problem : `${problem}; ${fix}`;
}
