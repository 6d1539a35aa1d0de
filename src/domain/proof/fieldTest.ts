/** How often a request was asked: each round asks the old side, the new one, and the old one again. */
export const asksPerRound = 3;
/** In a round, which ask is the new side's. */
export const newPlace = 1;

/** Where the answers to one request differ in one field: `differs(a, b)` of the answers' numbers, in the order in which they came. */
export interface AskedField {
  readonly rounds: number;
  differs(first: number, second: number): boolean;
}

/** What a field's answers say. */
export interface FieldEvidence {
  /**
   * Probability that new-against-old differences exceed old-against-old ones by as much as they do, or by more, if both sides answer
   * alike.
   */
  readonly p: number;
  /** Least `p` that any answers of the new side could have given; 1 where the old side never equals itself. */
  readonly least: number;
}

/** Steps that one request's statistic is rounded to. Whatever a statistic is, its test is exact. */
const finest = 24;
/** Width of the distribution that is worked with, in steps. */
const widest = 24_000;

/**
 * Whether the new side differs from the old one in a field more than the old side from itself: a one-sided permutation test, exact for
 * any number of requests (Fisher 1935, The Design of Experiments; Lehmann and Romano 2005, Testing Statistical Hypotheses, 5.8).
 *
 * If both sides answer a request by the same distribution, then in each round the three answers, old, new, old, are exchangeable, and
 * each of them is the new one with probability 1/3, whatever the rounds before were. The statistic of a request is the share of pairs
 * of a new and an old answer that differ, less the share of pairs of two old ones; that of the field is their sum. `p` is the share of all
 * `3^rounds` ways of naming the new answers, over all requests, whose sum is at least the one that was seen. The decision to ask a request
 * again may look at which answers differ, not at whose they are. The new side is asked between two asks of the old one, so that what
 * drifts with time sets the old answers apart the most, and speaks against a difference.
 *
 * Requests whose answers are all the same have no part in it.
 */
export function fieldEvidence(requests: readonly AskedField[]): FieldEvidence {
  const informative = requests.length;
  const steps = Math.max(2, Math.min(finest, Math.floor(widest / (2 * Math.max(1, informative)))));
  let seen = 0;
  let most = 0;
  let distribution: Distribution = { from: 0, shares: Float64Array.of(1) };
  for (const request of requests) {
    const { observed, shares } = statisticOf(request, steps);
    if (shares.size === 1) continue;
    seen += observed;
    most += Math.max(...shares.keys());
    distribution = convolved(distribution, shares);
  }
  return { p: shareFrom(distribution, seen), least: shareFrom(distribution, most) };
}

/**
 * What each of a model's hypotheses may err, so that all of them together err with probability `risk` at most (Bonferroni's inequality): a
 * tenth of it is that of the answers as a whole, and the fields share the rest. A model with one field has one hypothesis. Without the whole
 * one request alone could show nothing in more than 65 fields, since {@link mostRounds} come to a `p` of 1 in 6,561; with it, seven rounds do.
 */
export function sharesOfRisk(fields: number, risk: number): { readonly whole: number; readonly field: number } {
  return fields < 2 ? { whole: risk, field: risk } : { whole: risk / 10, field: (risk * 0.9) / fields };
}

/**
 * Rounds after which one request alone, of `informative` ones, can show a difference at `risk`: at least `repeat`, and no more than that where
 * even {@link mostRounds} could not.
 */
export function roundsNeeded(informative: number, risk: number, repeat: number): number {
  const needed = Math.ceil(-Math.log(risk) / Math.log(asksPerRound) / Math.max(1, informative));
  return needed > mostRounds ? repeat : Math.max(repeat, needed);
}

/** 3^8 ways to name the answers; enough for a risk of 1 in 6,561. */
export const mostRounds = 8;

interface Distribution {
  /** Value of the first share. */
  readonly from: number;
  readonly shares: Float64Array;
}

/** The statistic of one request in steps, as it was and as often as it has each value over all ways of naming the new answers. */
function statisticOf({ rounds, differs }: AskedField, steps: number) {
  const count = rounds * asksPerRound;
  const matrix = new Uint8Array(count * count);
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b < count; b += 1) if (a !== b && differs(a, b)) matrix[a * count + b] = 1;
  }
  const isNew = new Uint8Array(count);
  const name = (places: readonly number[]): number => {
    isNew.fill(0);
    for (const [round, place] of places.entries()) isNew[round * asksPerRound + place] = 1;
    let [across, within] = [0, 0];
    for (let old = 0; old < count; old += 1) {
      if (isNew[old] === 1) continue;
      for (let other = 0; other < count; other += 1) {
        if (matrix[old * count + other] === 0) continue;
        if (isNew[other] === 1) across += 1;
        else within += 1;
      }
    }
    const olds = count - rounds;
    return Math.round(steps * (across / (olds * rounds) - within / (olds * (olds - 1))));
  };
  const places = new Array<number>(rounds).fill(0);
  const shares = new Map<number, number>();
  const ways = asksPerRound ** rounds;
  for (let way = 0; way < ways; way += 1) {
    let rest = way;
    for (let round = 0; round < rounds; round += 1) {
      places[round] = rest % asksPerRound;
      rest = Math.floor(rest / asksPerRound);
    }
    const value = name(places);
    shares.set(value, (shares.get(value) ?? 0) + 1 / ways);
  }
  return { observed: name(new Array<number>(rounds).fill(newPlace)), shares };
}

function convolved({ from, shares }: Distribution, next: ReadonlyMap<number, number>): Distribution {
  const values = [...next.keys()];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const sum = new Float64Array(shares.length + most - least);
  for (const [value, share] of next) {
    const shift = value - least;
    for (let at = 0; at < shares.length; at += 1) {
      sum[at + shift] = (sum[at + shift] ?? 0) + share * (shares[at] ?? 0);
    }
  }
  return { from: from + least, shares: sum };
}

/** Share of the distribution at `value` and above; from the far end, so that small tails keep their size. */
function shareFrom({ from, shares }: Distribution, value: number): number {
  let sum = 0;
  for (let at = shares.length - 1; at >= Math.max(0, value - from); at -= 1) sum += shares[at] ?? 0;
  return Math.min(1, sum);
}
