import { logEvidenceAbove, logEvidenceBelow } from "../judgement/share.ts";

/** The same request, asked several times of one combination. */
export interface Tally {
  readonly asked: number;
  /** Answers that are not as expected. */
  readonly faulty: number;
}

/**
 * How two ends differ: one has fewer faulty answers than `limit`, a share between 0 and 1, and the other has more.
 */
export interface Distinction {
  readonly limit: number;
  /** Whether the younger end is the one with more of them: the fault came; otherwise it went. */
  readonly came: boolean;
}

/**
 * Probability at most that one combination is put on the wrong side: the answers of a search of ten are all right with over 99 %.
 */
export const risk = 0.001;

/** No answer, or one. */
export const noAnswers: Tally = { asked: 0, faulty: 0 };

export function withAnswer({ asked, faulty }: Tally, isFaulty: boolean): Tally {
  return { asked: asked + 1, faulty: faulty + (isFaulty ? 1 : 0) };
}

/**
 * What tells two ends apart: a share that the one is below and the other above, each at {@link risk} by the test of {@link sideOf}. Undefined
 * while that is not known of both. The bound of that test holds for every limit at once, so the limit may be chosen by the same answers: a
 * release that answers as one of the ends is equally far from it in bits, so that it is decided with as few answers whichever end that is.
 */
export function distinction(old: Tally, young: Tally): Distinction | undefined {
  if (old.asked === 0 || young.asked === 0) return undefined;
  const came = shareOf(old) < shareOf(young);
  const apart: Distinction = { limit: equallyFar(shareOf(old), shareOf(young)), came };
  return sideOf(old, apart) === "old" && sideOf(young, apart) === "young" ? apart : undefined;
}

/**
 * Whether two ends were asked so often that a release between them will be told with about as many answers: {@link distinction} knows that
 * their shares are on two sides of its limit, and one of them may still be next to it. Three times the evidence keeps both away from
 * it. Ends that never vary need no more.
 */
export function areWellApart(old: Tally, young: Tally): boolean {
  const apart = distinction(old, young);
  if (!apart || [old, young].every(isUniform)) return apart !== undefined;
  const enough = -3 * Math.log(risk);
  return sideOf(old, apart, enough) === "old" && sideOf(young, apart, enough) === "young";
}

/**
 * Which end a combination answers as; undefined while that is not known at {@link risk}, and more answers are needed.
 *
 * A sequential test whose error holds at whatever answer one stops: the share of faulty answers is above the limit, or below it, once the
 * mixture of likelihood ratios of ../judgement/share.ts reaches 1 / risk (Howard, Ramdas, McAuliffe, Sekhon 2021, arXiv:1810.08240; Ville's
 * inequality). Wald's test of two simple hypotheses (1945) needs a few answers less, but its error holds for the two shares of the ends
 * alone, and a release between them may have a third one. Answers that are all alike decide after some ten.
 */
export function sideOf(
  { asked, faulty }: Tally,
  { limit, came }: Distinction,
  enough = -Math.log(risk),
): "old" | "young" | undefined {
  if (asked === 0) return undefined;
  if (logEvidenceAbove(faulty, asked, limit) >= enough) return came ? "young" : "old";
  if (logEvidenceBelow(faulty, asked, limit) >= enough) return came ? "old" : "young";
  return undefined;
}

function isUniform({ asked, faulty }: Tally): boolean {
  return faulty === 0 || faulty === asked;
}

/** By the mean of Jeffreys' prior, so that it is never 0 or 1. */
function shareOf({ asked, faulty }: Tally): number {
  return (faulty + 0.5) / (asked + 1);
}

/** The share between two from which both have the same Kullback-Leibler divergence. */
function equallyFar(one: number, other: number): number {
  const entropy = (share: number) => share * Math.log(share) + (1 - share) * Math.log1p(-share);
  if (one === other) return one;
  const logit = (entropy(one) - entropy(other)) / (one - other);
  return 1 / (1 + Math.exp(-logit));
}
