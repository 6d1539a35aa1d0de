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
  return joined(
    [
      stretch("both", left.slice(0, begin)),
      ...changes.map(({ added, removed, value }) => stretch(added ? "shadow" : removed ? "primary" : "both", value)),
      stretch("both", left.slice(left.length - end)),
    ].filter(({ text }) => text !== ""),
  );
}

/** One stretch for several words that differ: the space between them is the same in nearly every text, and says nothing. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  let open = { primary: "", shadow: "" };
  const close = (): void => {
    for (const side of ["primary", "shadow"] as const) if (open[side] !== "") all.push({ of: side, text: open[side] });
    open = { primary: "", shadow: "" };
  };
  for (const [index, { of, text }] of stretches.entries()) {
    const next = stretches[index + 1];
    const isBetween = index > 0 && next !== undefined && text.trim() === "";
    if (of !== "both") open[of] += text;
    else if (isBetween) {
      open.primary += text;
      open.shadow += text;
    } else {
      close();
      all.push({ of, text });
    }
  }
  close();
  return all;
}

function wordsOf(text: string): string[] {
  return Array.from(words.segment(text), ({ segment }) => segment);
}

function stretch(of: Stretch["of"], parts: readonly string[]): Stretch {
  return { of, text: parts.join("") };
}
