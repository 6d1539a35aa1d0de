import { logEvidenceAbove, logEvidenceBelow, mostEvidence } from "./share.ts";

/** Durations between two bounds in milliseconds, as a histogram or an unfinished request has them; `atMost` may be Infinity. */
export interface TimedRequests {
  readonly atLeast: number;
  readonly atMost: number;
  readonly count: number;
}

/** Requests that are not over yet, by the age that each has at least, in milliseconds. */
export type OpenRequests = Pick<TimedRequests, "atLeast" | "count">;

/** Milliseconds at which both versions are compared: a step of 1.1, from 1 ms to 10 minutes. */
export const latencyEdges: readonly number[] = Array.from({ length: 141 }, (_, place) => 1.1 ** place);

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

/**
 * @param timed - a count below 0 takes back what an earlier one added
 * @param ratio - that edges are multiplied by: the ratio that is allowed for the new version, 1 for the old one
 */
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
 * Evidence that a quantile of the new version is above the ratio times the old one's, as the logarithm of an e-value.
 *
 * There is an edge x that the old version's quantile is at most, and x times the ratio that the new one's is above: each half is a share
 * over a limit ({@link logEvidenceAbove}), and the weaker of the two counts. While the weight is constant, the requests of each side are
 * a fair draw by the coin out of all requests, so both shares are about the same requests, whatever waves and bursts there are: a version that
 * got the burst by chance is as improbable as the coin says. So a judgement of latency begins again where the weight changes.
 *
 * Quantiles may drift: the claim is about the quantiles of all requests so far, at each time. As these move over the edges, each edge has
 * a share of the risk, of 2 halves × 141. Howard and Ramdas 2022 (Bernoulli 28(3)), whose bounds need no such split, assume independent
 * requests of one distribution; Mineiro and Howard 2023 (arXiv:2302.01567) do not, and share their risk over a grid as here, which they refine
 * endlessly; 141 edges are finer than any histogram that is stored.
 *
 * @param least - below it, the answer may be lower than the evidence is. @default it is exact
 */
export function logEvidenceOfSlower({ fresh, old }: LatencyCounts, quantile: number, least?: number): number {
  return logEvidenceApart(fresh.surely, old.perhaps, 1 - quantile, least);
}

/** The opposite: the new version's quantile is at most the ratio times the old one's. */
export function logEvidenceOfNotSlower({ fresh, old }: LatencyCounts, quantile: number, least?: number): number {
  return logEvidenceApart(old.surely, fresh.perhaps, 1 - quantile, least);
}

/**
 * Evidence for an edge that more than `limit` of the slow side's requests are above, and fewer of the fast side's: the best edge, less what it
 * costs to look at all of them; 0 where a side has nothing. Runs at each row, so it makes no objects.
 */
function logEvidenceApart(
  slow: readonly number[],
  fast: readonly number[],
  limit: number,
  least = Number.NEGATIVE_INFINITY,
): number {
  const [ofSlow, ofFast] = [total(slow), total(fast)];
  if (ofSlow === 0 || ofFast === 0) return 0;
  const price = Math.log(2 * latencyEdges.length);
  const [fewest, most] = [limit * ofSlow, limit * ofFast];
  let best = Number.NEGATIVE_INFINITY;
  let [above, below] = [0, 0];
  for (let place = latencyEdges.length; place > 0; place -= 1) {
    above += slow[place] ?? 0;
    below += fast[place] ?? 0;
    // A share on the wrong side of the limit is not evidence: most edges are passed by without a logarithm.
    if (below >= most) break;
    if (above <= fewest) continue;
    const ceiling = Math.min(mostEvidence(above, ofSlow, limit), mostEvidence(below, ofFast, limit));
    if (ceiling <= best || ceiling < least + price) continue;
    const ofFastSide = logEvidenceBelow(below, ofFast, limit);
    if (ofFastSide > best) best = Math.max(best, Math.min(logEvidenceAbove(above, ofSlow, limit), ofFastSide));
  }
  return best - price;
}

function total(byEdges: readonly number[]): number {
  let sum = 0;
  for (const count of byEdges) sum += count;
  return sum;
}
