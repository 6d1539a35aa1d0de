import type { ComparisonRules, Tolerance } from "./rules.ts";

/** The rules in one line; empty for none. */
export function describeRules({ tolerance, tolerances = {}, ignore = [], unordered = [] }: ComparisonRules): string {
  const parts: string[] = [];
  if (tolerance) parts.push(`numbers within ${within(tolerance)}`);
  for (const [path, each] of Object.entries(tolerances)) parts.push(`${path} within ${within(each)}`);
  if (ignore.length > 0) parts.push(`without ${ignore.join(", ")}`);
  if (unordered.length > 0) parts.push(`in any order: ${unordered.join(", ")}`);
  return parts.join("; ");
}

function within({ absolute, relative }: Tolerance): string {
  const bounds = [
    ...(absolute === undefined ? [] : [String(absolute)]),
    ...(relative === undefined ? [] : [`${Number((relative * 100).toPrecision(6))} %`]),
  ];
  return bounds.length === 0 ? "0" : bounds.join(" or ");
}
