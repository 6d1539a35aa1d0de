import type { ComparisonRules } from "./rules.ts";
import type { TextRule } from "./texts/rules.ts";
import type { Tolerance } from "./tolerance.ts";

/** The rules in one line; empty for none. */
export function describeRules({
  tolerance,
  tolerances = {},
  ignore = [],
  unordered = [],
  texts = {},
}: ComparisonRules): string {
  const parts: string[] = [];
  if (tolerance) parts.push(`numbers within ${within(tolerance)}`);
  for (const [path, each] of Object.entries(tolerances)) parts.push(`${path} within ${within(each)}`);
  if (ignore.length > 0) parts.push(`without ${ignore.join(", ")}`);
  if (unordered.length > 0) parts.push(`in any order: ${unordered.join(", ")}`);
  for (const [path, rule] of Object.entries(texts)) parts.push(`${path} as ${textRule(rule)}`);
  return parts.join("; ");
}

function textRule(rule: TextRule): string {
  const more: string[] = [];
  if ("tolerance" in rule && rule.tolerance) more.push(`within ${within(rule.tolerance)}`);
  if (rule.as === "numbers" && rule.ignoreWords) more.push("without the words");
  if (rule.as === "contains" && rule.phrases) more.push(`of ${rule.phrases.map((each) => `"${each}"`).join(", ")}`);
  if ("ignoreCase" in rule && rule.ignoreCase) more.push("whatever the case");
  return [rule.as, ...more].join(" ");
}

function within({ absolute, relative }: Tolerance): string {
  const bounds = [
    ...(absolute === undefined ? [] : [String(absolute)]),
    ...(relative === undefined ? [] : [`${Number((relative * 100).toPrecision(6))} %`]),
  ];
  return bounds.length === 0 ? "0" : bounds.join(" or ");
}
