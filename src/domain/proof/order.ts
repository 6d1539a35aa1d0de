import { textDigest } from "../release/combination.ts";

/** The same things in an order that looks random, and is the same for the same seed: by a hash of it and of what names each. */
export function shuffled<Thing>(things: readonly Thing[], seed: string, nameOf: (thing: Thing) => string): Thing[] {
  return things
    .map((thing) => ({ thing, hash: textDigest(`${seed} ${nameOf(thing)}`) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : 1))
    .map(({ thing }) => thing);
}
