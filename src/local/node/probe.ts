import type { V1Probe } from "@kubernetes/client-node";

/** What a series of probe answers has established so far. */
export interface ProbeState {
  /** Undefined until a threshold has been reached for the first time. */
  readonly passed: boolean | undefined;
  /** Equal answers in a row, and what they were. */
  readonly run: number;
  readonly last: boolean | undefined;
}

/** A probe with the API's defaults filled in; seconds. */
export interface ProbeTiming {
  readonly initialDelay: number;
  readonly period: number;
  readonly timeout: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export const untested: ProbeState = { passed: undefined, run: 0, last: undefined };

/** Defaults as documented for `core/v1 Probe`. */
export function probeTiming(probe: V1Probe): ProbeTiming {
  return {
    initialDelay: probe.initialDelaySeconds ?? 0,
    period: probe.periodSeconds || 10,
    timeout: probe.timeoutSeconds || 1,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  };
}

/** The state after one more answer: a verdict changes only when its threshold is reached. */
export function afterAnswer(state: ProbeState, success: boolean, timing: ProbeTiming): ProbeState {
  const run = state.last === success ? state.run + 1 : 1;
  const threshold = success ? timing.successThreshold : timing.failureThreshold;
  return { passed: run >= threshold ? success : state.passed, run, last: success };
}

/** How long, after a container's start, an open verdict is asked for more often than the period says; seconds. */
const eagerFor = 60;
const eagerPeriod = 0.2;

/**
 * Seconds to the next question. In the first minute of a container a startup or readiness probe that has not passed is
 * asked five times a second, so that a pod is Ready as soon as it can be; see {@link countsAsFailure} for the other half.
 */
export function nextProbeIn(state: ProbeState, timing: ProbeTiming, eager: boolean, runningFor: number): number {
  return eager && state.passed !== true && runningFor < eagerFor ? Math.min(eagerPeriod, timing.period) : timing.period;
}

/**
 * Whether a failure counts towards the threshold: only one in each period, so that asking more often leaves
 * `failureThreshold × periodSeconds` as it is. `sinceCounted`: seconds since the last failure that counted.
 */
export function countsAsFailure(sinceCounted: number, timing: ProbeTiming): boolean {
  // A timer that fires a little early must not skip a period.
  return sinceCounted >= timing.period - 0.1;
}
