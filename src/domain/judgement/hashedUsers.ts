/** What is known of a user's hash: it is at least `from` and below `until`, in ten-thousandths of all hashes. */
export interface HashRange {
  readonly from: number;
  readonly until: number;
}

const hashes = 10_000;
export const everyHash: HashRange = { from: 0, until: hashes };

/** What the first request of a user under a weight tells. */
export interface HashDraw {
  /** What is known of the hash from now on. */
  readonly known: HashRange;
  /** Probability of the new version, by what was known before; undefined where that left no choice, so that nothing was drawn. */
  readonly chance: number | undefined;
}

/**
 * A user's draw where the hash of a header decides: the new version answers the last `weight` percent of the hashes. The one thing that is random is the
 * hash, which the gateway makes of the header's value and of the rollout's content, once for all of its weights. A user who was seen under another weight
 * is therefore no new coin: of those who were on the old version at 1 %, 9 of 99 go to the new one at 10 %, and whoever was on the new one stays there and
 * says nothing. With these chances, and each user once a weight, draws are a martingale as coins are.
 *
 * What is taken for granted: the gateway's hash (xxHash64 of salt and value, modulo 10,000: Envoy's `use_hash_policy`) is to values as a random function
 * would be, so that shares are the weight to a hundredth of a percent; and what a user gets does not depend on that hash but by the side. While every
 * request of both versions is recorded, the hash has a salt of its own, so nobody's side was known before the first request that is stored; a judge that
 * comes later reads from the rollout's beginning, as far as recordings are kept.
 *
 * @param known - before this request
 * @param weight - percent that the new version answers, between 0 and 100
 */
export function drawnWithin(known: HashRange, weight: number, isNew: boolean): HashDraw {
  const edge = Math.round((100 - weight) * 100);
  const from = isNew ? Math.max(known.from, edge) : known.from;
  const until = isNew ? known.until : Math.min(known.until, edge);
  // On a side where this hash cannot be: the gateway did something else, and nobody can say any more what was random.
  if (from >= until) return { known: { from: edge, until: edge }, chance: undefined };
  const isDrawn = known.from < edge && edge < known.until;
  return {
    known: { from, until },
    chance: isDrawn ? (known.until - edge) / (known.until - known.from) : undefined,
  };
}
