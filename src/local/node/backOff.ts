/** How often a container was restarted lately; the input of {@link restartDelay}. */
export interface RestartHistory {
  /** Ends in a row that each came before the container had run for {@link backOffRules.resetAfter}. */
  readonly failures: number;
}

/** Kubelet's rules for CrashLoopBackOff and ImagePullBackOff; milliseconds. */
export const backOffRules = { first: 10_000, longest: 300_000, resetAfter: 600_000 } as const;

/** Delay in milliseconds before the n-th try in a row (0 is the first one, which is immediate): 0, 10 s, 20 s, … 5 min. */
export function restartDelay(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(backOffRules.longest, backOffRules.first * 2 ** Math.min(failures - 1, 10));
}

/**
 * History after a container ended. Kubelet restarts at once after the first end, then backs off; a run of ten
 * minutes starts the count again.
 */
export function afterEnd(history: RestartHistory, ranMilliseconds: number): RestartHistory {
  return { failures: ranMilliseconds >= backOffRules.resetAfter ? 1 : history.failures + 1 };
}

/** Whether a container that ended with `exitCode` runs again under the pod's restart policy (default Always). */
export function restartsAfter(policy: string | undefined, exitCode: number): boolean {
  if (policy === "Never") return false;
  return policy === "OnFailure" ? exitCode !== 0 : true;
}
