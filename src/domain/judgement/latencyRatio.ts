import { logEvidenceAbove, logEvidenceBelow } from "./share.ts";

/** Durations between two bounds in milliseconds, as a histogram or an unfinished request has them; `atMost` may be Infinity. */
export interface TimedRequests {
  readonly atLeast: number;
  readonly atMost: number;
  readonly count: number;
}

/** Milliseconds at which both versions are compared: a step of 1.25, from 1 ms to 10 minutes. */
export const latencyEdges: readonly number[] = Array.from({ length: 61 }, (_, place) => 1.25 ** place);

/**
 * Requests of one version by how many edges they are above: `surely` counts each by the least that it can have taken, `perhaps` by
 * the most. One number more than there are edges.
 */
export interface LatencySide {
  readonly surely: readonly number[];
  readonly perhaps: readonly number[];
}

export interface LatencyCounts {
  /** By the edges times the ratio that is allowed. */
  readonly fresh: LatencySide;
  /** By the edges. */
  readonly old: LatencySide;
}

export function emptyLatencyCounts(): LatencyCounts {
  const side = () => ({ surely: zeros(), perhaps: zeros() });
  return { fresh: side(), old: side() };
}

function zeros(): number[] {
  return new Array<number>(latencyEdges.length + 1).fill(0);
}

/** @param ratio - that edges are multiplied by: the ratio that is allowed for the new version, 1 for the old one */
export function addTimed(side: LatencySide, timed: readonly TimedRequests[], ratio: number): LatencySide {
  const [surely, perhaps] = [[...side.surely], [...side.perhaps]];
  for (const { atLeast, atMost, count } of timed) {
    const [least, most] = [edgesBelow(atLeast / ratio), edgesBelow(atMost / ratio)];
    surely[least] = (surely[least] ?? 0) + count;
    perhaps[most] = (perhaps[most] ?? 0) + count;
  }
  return { surely, perhaps };
}

function edgesBelow(value: number): number {
  let [low, high] = [0, latencyEdges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((latencyEdges[middle] ?? Number.POSITIVE_INFINITY) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Evidence that a quantile of the new version is above `ratio` times the old one's, as the logarithm of an e-value, and of the opposite.
 *
 * There is an edge x that the old version's quantile is at most, and x times the ratio that the new one's is above: each half is a share
 * over a limit ({@link logEvidenceAbove}), and the weaker of the two counts. While the weight is constant, the requests of each side are
 * a fair draw by the coin out of all requests, so both shares are about the same requests, whatever waves and bursts there are: a version that
 * got the burst by chance is as improbable as the coin says. So a judgement of latency begins again where the weight changes.
 *
 * Quantiles may drift: the claim is about the quantiles of all requests so far, at each time. As these move over the edges, each edge has
 * a share of the risk, of 2 halves × 61. Howard and Ramdas 2022 (Bernoulli 28(3)), whose bounds need no such split, assume independent
 * requests of one distribution; Mineiro and Howard 2023 (arXiv:2302.01567) do not, and share their risk over a grid as here, which they refine
 * endlessly; 61 edges are what a histogram has.
 */
export function latencyEvidence(
  { fresh, old }: LatencyCounts,
  quantile: number,
): { readonly bad: number; readonly good: number } {
  const limit = 1 - quantile;
  const price = Math.log(2 * latencyEdges.length);
  const [freshAll, oldAll] = [total(fresh.surely), total(old.surely)];
  if (freshAll === 0 || oldAll === 0) return { bad: 0, good: 0 };
  const above = {
    freshSurely: aboveEdges(fresh.surely),
    freshPerhaps: aboveEdges(fresh.perhaps),
    oldSurely: aboveEdges(old.surely),
    oldPerhaps: aboveEdges(old.perhaps),
  };
  const at = (edges: readonly number[], place: number): number => edges[place] ?? 0;
  let [bad, good] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let place = 0; place < latencyEdges.length; place += 1) {
    // A share on the wrong side of the limit is not evidence: most edges are passed by without a logarithm.
    const [newSlow, oldFast] = [at(above.freshSurely, place), at(above.oldPerhaps, place)];
    if (newSlow > limit * freshAll && oldFast < limit * oldAll) {
      bad = Math.max(
        bad,
        Math.min(logEvidenceAbove(newSlow, freshAll, limit), logEvidenceBelow(oldFast, oldAll, limit)),
      );
    }
    const [newFast, oldSlow] = [at(above.freshPerhaps, place), at(above.oldSurely, place)];
    if (newFast < limit * freshAll && oldSlow > limit * oldAll) {
      good = Math.max(
        good,
        Math.min(logEvidenceBelow(newFast, freshAll, limit), logEvidenceAbove(oldSlow, oldAll, limit)),
      );
    }
  }
  return { bad: bad - price, good: good - price };
}

/** For each edge, how many are above it. */
function aboveEdges(byEdges: readonly number[]): number[] {
  const above = new Array<number>(latencyEdges.length).fill(0);
  let sum = 0;
  for (let place = latencyEdges.length - 1; place >= 0; place -= 1) {
    sum += byEdges[place + 1] ?? 0;
    above[place] = sum;
  }
  return above;
}

function total(byEdges: readonly number[]): number {
  return byEdges.reduce((sum, count) => sum + count, 0);
}
