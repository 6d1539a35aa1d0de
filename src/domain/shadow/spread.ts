/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 32 bits: ids that count up are far apart by it. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Keeps a bounded number of things, spread over all of them by their ids: the same ones whatever their order. */
export class Spread<Thing> {
  readonly #most: number;
  /** By hash, smallest first. */
  readonly #kept: { readonly hash: number; readonly thing: Thing }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get kept(): readonly Thing[] {
    return this.#kept.map(({ thing }) => thing);
  }

  /** Answers what is not kept for it: the thing itself, or another one that has to go. */
  add(id: string, thing: Thing): Thing[] {
    const hash = hashOf(id);
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#kept[middle]?.hash ?? 0) <= hash) low = middle + 1;
      else high = middle;
    }
    this.#kept.splice(low, 0, { hash, thing });
    return this.#kept.length > this.#most ? this.#kept.splice(this.#most).map((each) => each.thing) : [];
  }
}
