/** Recorders tell each so many seconds what is not over, as of whole multiples of them since 1970. */
export const openEvery = 5;
/** So many of these moments are kept of each recorder: whoever judges is seconds behind. */
export const openSlots = 60;

const step = 1.01;

/** Requests that are not over at a moment, of those that one generation of a rollout's traffic drew one by one, and that have lasted as long as each other. */
export interface OpenCount {
  /** Of the traffic that drew them. */
  readonly generation: number;
  /** See {@link latencyClass}: of the time until something came of the answer, or until now. */
  readonly class: number;
  readonly requests: number;
}

/** What one recorder has open at one moment. */
export interface OpenTold {
  /** In milliseconds since 1970, a whole multiple of {@link openEvery} seconds. */
  readonly at: number;
  readonly counts: readonly OpenCount[];
}

/** Durations of one class are within a hundredth of each other. */
export function latencyClass(milliseconds: number): number {
  return Math.floor(Math.log(Math.max(milliseconds, 1)) / Math.log(step));
}

/** The shortest duration of a class, and what all of it are below, in milliseconds. */
export function latencyOf(power: number): { readonly atLeast: number; readonly below: number } {
  return { atLeast: power <= 0 ? 0 : step ** power, below: step ** (power + 1) };
}
