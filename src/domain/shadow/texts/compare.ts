import { distanceOf, exactNumber, type JsonNumber } from "../exactNumber.ts";
import { isWithin, type Tolerance } from "../tolerance.ts";
import { numbersOf } from "./numbers.ts";
import { normalized, type TextRule } from "./rules.ts";

/**
 * How much two texts differ under a rule, 0 to 1, and undefined where they do not. Of `json`, what is not JSON on either side is compared
 * by its characters; see `documentsOf` for what is.
 *
 * @param tolerance - that holds for numbers at this place
 */
export function textDifference(
  primary: string,
  shadow: string,
  rule: TextRule | undefined,
  tolerance: Tolerance,
): number | undefined {
  if (primary === shadow) return undefined;
  switch (rule?.as) {
    case "normalized":
      return normalized(primary, rule.ignoreCase) === normalized(shadow, rule.ignoreCase) ? undefined : 1;
    case "numbers":
      return numbersDifference(primary, shadow, rule, rule.tolerance ?? tolerance);
    case "contains":
      return isContained(primary, shadow, rule) ? undefined : 1;
    case "length":
      return lengthDifference(primary, shadow, rule.tolerance ?? tolerance);
    default:
      return 1;
  }
}

function numbersDifference(
  primary: string,
  shadow: string,
  { ignoreWords, ignoreCase }: Extract<TextRule, { as: "numbers" }>,
  tolerance: Tolerance,
): number | undefined {
  const [left, right] = [numbersOf(primary, ignoreCase), numbersOf(shadow, ignoreCase)];
  if (left.numbers.length !== right.numbers.length) return 1;
  if (!ignoreWords && left.words.some((words, index) => words !== right.words[index])) return 1;
  let largest: number | undefined;
  for (const [index, a] of left.numbers.entries()) {
    const b = right.numbers[index];
    if (b === undefined || isWithin(a, b, tolerance)) continue;
    largest = Math.max(largest ?? 0, Math.min(1, distanceOf(a, b).relative));
  }
  return largest;
}

function lengthDifference(primary: string, shadow: string, tolerance: Tolerance): number | undefined {
  const [left, right] = [lengthOf(primary), lengthOf(shadow)];
  return isWithin(left, right, tolerance) ? undefined : Math.min(1, distanceOf(left, right).relative);
}

function lengthOf(text: string): JsonNumber {
  return exactNumber(String([...normalized(text)].length));
}

function isContained(
  primary: string,
  shadow: string,
  { phrases, ignoreCase }: Extract<TextRule, { as: "contains" }>,
): boolean {
  const [left, right] = [normalized(primary, ignoreCase), normalized(shadow, ignoreCase)];
  if (phrases) {
    const wanted = phrases.map((phrase) => normalized(phrase, ignoreCase));
    return wanted.every((phrase) => left.includes(phrase) === right.includes(phrase));
  }
  // Nothing is in everything.
  return left === "" ? right === "" : right.includes(left);
}
