import { exactNumber, type JsonNumber } from "../exactNumber.ts";
import { normalized } from "./rules.ts";

/** A text taken apart: the words before, between and after its numbers, one more than there are numbers. */
export interface NumbersOfText {
  readonly numbers: readonly JsonNumber[];
  readonly words: readonly string[];
}

/**
 * Numbers as people and models write them: `1,234.5`, `-3`, `6.02e23`, `10` of `10ms`. A minus counts where it joins nothing, so that
 * `2020-11-21` is three numbers, and digits inside of a name such as `gpt4` or `3fa9` are none.
 */
const number =
  /(?:(?<![\w.,])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d{1,4})?|(?<=[.,])\d+)(?![A-Za-z_]*\d)/g;
/** Digits of a number at most; longer rows of digits are names, such as a hash. */
const longest = 400;

export function numbersOf(text: string, ignoreCase = false): NumbersOfText {
  const numbers: JsonNumber[] = [];
  const words: string[] = [];
  let end = 0;
  for (const { 0: token, index } of text.matchAll(number)) {
    if (token.length > longest) continue;
    numbers.push(exactNumber(jsonNumber(token)));
    words.push(normalized(text.slice(end, index), ignoreCase));
    end = index + token.length;
  }
  return { numbers, words: [...words, normalized(text.slice(end), ignoreCase)] };
}

function jsonNumber(token: string): string {
  // JSON has neither commas nor zeros at the beginning.
  return token
    .replace("−", "-")
    .replaceAll(",", "")
    .replace(/^(-?)0+(?=\d)/, "$1");
}
