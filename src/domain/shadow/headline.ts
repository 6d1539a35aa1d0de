import type { ComparisonResult } from "./comparisonResult.ts";
import { describeNotJudged, sampledParts } from "./notJudgedText.ts";
import { count, percent } from "./readable.ts";

/** The comparison in a sentence, with one more where pairs are not judged because their requests are sampled. */
export function headlineOf(result: ComparisonResult): string {
  return headlineSentences(result).join(" ");
}

/** The same, sentence by sentence: the first says most. */
export function headlineSentences(result: ComparisonResult): readonly string[] {
  const { pairs, sampled } = result;
  if (sampled.pairs === 0) return [judgedHeadline(result)];
  const isAll = pairs === 0 && describeNotJudged(result.notJudged) === "";
  const [which, are] = sampled.pairs === 1 ? ["pair", "its request is"] : ["pairs", "their requests are"];
  const sentence = `${count(sampled.pairs)} ${isAll ? "" : "more "}${which} cannot be judged because ${are} sampled: ${sampledParts(result)}.`;
  return isAll ? [sentence] : [judgedHeadline(result), sentence];
}

function judgedHeadline(result: ComparisonResult): string {
  const { pairs, mismatches, differing, factor, mismatchRate, noise } = result;
  if (pairs === 0) {
    const unjudged = describeNotJudged(result.notJudged);
    return unjudged === "" ? "Nothing was compared yet." : `Nothing could be judged: ${unjudged}.`;
  }
  if (mismatches === 0) {
    const reach = `${count(pairs)} ${pairs === 1 ? "pair" : "pairs"}: at most ${percent(mismatchRate.high)} can differ`;
    return differing === 0
      ? `No answer differs in ${reach}.`
      : `No answer differs by more than noise in ${reach}; ${count(differing)} differ as two copies of the primary do.`;
  }
  const how = factor ? `, by a factor of ${factor.factor}` : "";
  const beyond = noise ? " by more than noise" : "";
  if (mismatches === pairs) {
    if (pairs === 1) return `The one pair that was compared differs${beyond}${how}.`;
    return `All ${count(pairs)} answers differ${beyond}${how}.`;
  }
  const between = `${percent(mismatchRate.low)} to ${percent(mismatchRate.high)} with 95 % confidence`;
  const verb = mismatches === 1 ? "differs" : "differ";
  return `${count(mismatches)} of ${count(pairs)} answers ${verb}${beyond}${how}: ${percent(mismatchRate.rate)}, ${between}.`;
}
