import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** What tells a recorded request from all others of its schema. */
export interface SampleKey {
  readonly day: string;
  readonly requestId: string;
  readonly attempt: number;
}

/** How many requests a stratum has, and how many of them were chosen. */
export interface StratumCount {
  readonly stratum: string;
  readonly recorded: number;
  readonly chosen: number;
}

/** More strata are no strata: a path with ids in it makes one of each request. */
export const mostStrata = 1_000;

interface Candidate {
  readonly hash: string;
  readonly key: SampleKey;
}

/**
 * Chooses requests fairly and always the same ones: in each stratum those with the smallest hashes of their keys. Every stratum gets one place
 * as long as there are places, the largest first, and the others go by the strata's sizes. Memory is bound by the number of places and strata,
 * whatever is offered.
 */
export class SampleChoice {
  readonly #places: number;
  readonly #strata = new Map<string, { recorded: number; smallest: Candidate[]; bound: string | undefined }>();

  /** @param places - requests to choose, at most */
  constructor(places: number) {
    this.#places = places;
  }

  /** Strata that were seen so far. */
  get strata(): number {
    return this.#strata.size;
  }

  add(stratum: string, key: SampleKey): void {
    let known = this.#strata.get(stratum);
    if (!known) {
      known = { recorded: 0, smallest: [], bound: undefined };
      this.#strata.set(stratum, known);
    }
    known.recorded += 1;
    const hash = hashOf(key);
    if (known.bound !== undefined && hash >= known.bound) return;
    known.smallest.push({ hash, key });
    if (known.smallest.length < 2 * this.#places) return;
    known.smallest = smallestOf(known.smallest, this.#places);
    known.bound = known.smallest.at(-1)?.hash;
  }

  /** The chosen keys, in no order that means anything, and the counts of all strata, the largest first. */
  chosen(): { readonly keys: readonly SampleKey[]; readonly strata: readonly StratumCount[] } {
    const bySize = [...this.#strata].sort(
      ([a, { recorded: ofA }], [b, { recorded: ofB }]) => ofB - ofA || (a < b ? -1 : 1),
    );
    const shares = sharesOf(
      bySize.map(([, { recorded }]) => recorded),
      this.#places,
    );
    const keys = bySize.flatMap(([, { smallest }], index) =>
      smallestOf(smallest, shares[index] ?? 0).map(({ key }) => key),
    );
    const strata = bySize.map(([stratum, { recorded }], index) => ({ stratum, recorded, chosen: shares[index] ?? 0 }));
    return { keys, strata };
  }
}

function hashOf({ day, requestId, attempt }: SampleKey): string {
  // Of its own: recorders choose by another hash of the id, and would leave a slice of this one otherwise.
  return bytesToHex(sha256(utf8ToBytes(`sample ${day} ${attempt} ${requestId}`)).subarray(0, 16));
}

function smallestOf(candidates: readonly Candidate[], count: number): Candidate[] {
  return candidates.toSorted((a, b) => (a.hash < b.hash ? -1 : 1)).slice(0, count);
}

/**
 * Places for each of `sizes`, which are sorted: one each, and the rest in proportion to what is left of them (largest remainder; of equal ones
 * the first).
 */
export function sharesOf(sizes: readonly number[], places: number): readonly number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  if (all <= places) return sizes;
  const first = sizes.map((_, index) => (index < places ? 1 : 0));
  const rest = places - first.reduce<number>((sum, share) => sum + share, 0);
  const more = sizes.map((size, index) => size - (first[index] ?? 0));
  const left = more.reduce((sum, size) => sum + size, 0);
  const exact = more.map((size) => (rest * size) / left);
  const shares = exact.map((share, index) => (first[index] ?? 0) + Math.floor(share));
  const byRemainder = exact
    .map((share, index) => ({ index, remainder: share - Math.floor(share) }))
    .toSorted((a, b) => b.remainder - a.remainder || a.index - b.index);
  const open = places - shares.reduce((sum, share) => sum + share, 0);
  for (const { index } of byRemainder.slice(0, open)) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}
