import type { Difference } from "./difference.ts";
import { shortened } from "./fieldStatistics.ts";

/** A pair worth looking at. */
export interface OutlierPair {
  readonly requestId: string;
  readonly attempt: number;
  readonly at: number;
  readonly statuses: { readonly primary: number | null; readonly shadow: number | null };
  /** Largest relative difference in it, 0 to 1. */
  readonly magnitude: number;
  /** Places in which it differs. */
  readonly places: number;
  /** The first of them. */
  readonly differences: readonly Pick<Difference, "at" | "how" | "primary" | "shadow">[];
}

const perSignature = 12;
const inAll = 12;
const shownPlaces = 5;

/** Keeps the pairs that differ most of those that differ in the same fields. */
export class Outliers {
  #kept: OutlierPair[] = [];

  add(pair: Omit<OutlierPair, "magnitude" | "places" | "differences">, differences: readonly Difference[]): void {
    let magnitude = 0;
    for (const difference of differences) magnitude = Math.max(magnitude, difference.magnitude);
    const last = this.#kept.at(-1);
    const places = differences.length;
    // Nearly all pairs of a long run end here.
    if (this.#kept.length >= perSignature && last && compare({ magnitude, places }, last) >= 0) return;
    const shown = differences.slice(0, shownPlaces).map(({ at, how, primary, shadow }) => ({
      at,
      how,
      primary: shortened(primary),
      shadow: shortened(shadow),
    }));
    this.#kept.push({ ...pair, magnitude, places, differences: shown });
    this.#kept = this.#kept.sort(compare).slice(0, perSignature);
  }

  pairs(): readonly OutlierPair[] {
    return this.#kept;
  }
}

/**
 * The pairs to look at, out of lists of those that differ in the same fields: of each list as many as there is room for, so
 * that one way of differing does not hide the others. Those that differ most come first.
 */
export function mostDifferent(lists: readonly (readonly OutlierPair[])[]): OutlierPair[] {
  const each = Math.max(1, Math.floor(inAll / Math.max(1, lists.filter((list) => list.length > 0).length)));
  const chosen = lists.flatMap((list) => list.slice(0, each));
  const rest = lists.flatMap((list) => list.slice(each)).sort(compare);
  return [...chosen.sort(compare), ...rest].slice(0, inAll).sort(compare);
}

function compare(a: Pick<OutlierPair, "magnitude" | "places">, b: Pick<OutlierPair, "magnitude" | "places">): number {
  return b.magnitude - a.magnitude || b.places - a.places;
}
