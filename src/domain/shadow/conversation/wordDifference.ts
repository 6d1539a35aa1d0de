import { diffArrays } from "diff";

/** A stretch of words that both texts have, or one of them. */
export interface Stretch {
  readonly of: "both" | "primary" | "shadow";
  readonly text: string;
}

/** Words that may come and go; texts that have less in common are told apart as a whole, in time that stays bounded. */
const mostEdits = 3_000;

/** Words by Unicode's rules, which know where they end in scripts that have no spaces; what is between them too. */
const words = new Intl.Segmenter("und", { granularity: "word" });

/** Where two texts differ, word by word. Joined, `both` and `primary` are the primary's text, `both` and `shadow` the shadow's. */
export function wordDifference(primary: string, shadow: string): Stretch[] {
  const [left, right] = [wordsOf(primary), wordsOf(shadow)];
  const shorter = Math.min(left.length, right.length);
  let begin = 0;
  while (begin < shorter && left[begin] === right[begin]) begin += 1;
  let end = 0;
  while (end < shorter - begin && left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
  const [from, to] = [left.slice(begin, left.length - end), right.slice(begin, right.length - end)];
  const changes = diffArrays(from, to, { maxEditLength: mostEdits }) ?? [
    { removed: true, added: false, value: from },
    { removed: false, added: true, value: to },
  ];
  return [
    stretch("both", left.slice(0, begin)),
    ...changes.map(({ added, removed, value }) => stretch(added ? "shadow" : removed ? "primary" : "both", value)),
    stretch("both", left.slice(left.length - end)),
  ].filter(({ text }) => text !== "");
}

function wordsOf(text: string): string[] {
  return Array.from(words.segment(text), ({ segment }) => segment);
}

function stretch(of: Stretch["of"], parts: readonly string[]): Stretch {
  return { of, text: parts.join("") };
}
