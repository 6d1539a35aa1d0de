import { isMapping } from "../mapping.ts";
import { distanceOf, isJsonNumber } from "./exactNumber.ts";
import { appendKey, type PathNode } from "./fieldPath.ts";
import { type CompiledRules, type FieldRule, isWithin, type Tolerance } from "./rules.ts";
import { alignUnordered } from "./unordered.ts";

/** One place where two answers differ. */
export interface Difference {
  /** The place with every index as `[*]`, by which differences are counted: `results[*]`. */
  readonly field: string;
  /** The very place: `results[2]`. */
  readonly at: string;
  /** `absent`: one of the two has nothing there; `kind`: text against number and the like. */
  readonly how: "value" | "kind" | "absent";
  /** Undefined where the side has nothing. */
  readonly primary: unknown;
  readonly shadow: unknown;
  /** How much, 0 to 1: relative to the larger of two numbers, 1 for everything else. */
  readonly magnitude: number;
}

/** Differences kept of one pair; more of them are counted only. */
const keptPerPair = 256;

/** Where two JSON documents differ under the rules, in the order of the primary's fields. */
export function differencesOf(primary: unknown, shadow: unknown, rules: CompiledRules): readonly Difference[] {
  const found: Difference[] = [];
  walk(primary, shadow, { at: "", field: "", node: rules.tree, tolerance: rules.tolerance, found });
  return found;
}

interface Place {
  /** As in {@link Difference}, but empty for the whole answer. */
  readonly at: string;
  readonly field: string;
  readonly node: PathNode<FieldRule> | undefined;
  readonly tolerance: Tolerance;
  readonly found: Difference[];
}

function walk(primary: unknown, shadow: unknown, above: Place): void {
  const rule = above.node?.rule;
  if (rule?.ignore || above.found.length >= keptPerPair) return;
  const place = rule?.tolerance ? { ...above, tolerance: rule.tolerance } : above;
  if (primary === shadow) return;
  if (isJsonNumber(primary) && isJsonNumber(shadow)) {
    if (!isWithin(primary, shadow, place.tolerance)) note(place, "value", primary, shadow);
  } else if (Array.isArray(primary) && Array.isArray(shadow)) {
    walkLists(primary, shadow, place, rule?.unordered ?? false);
  } else if (isMapping(primary) && isMapping(shadow)) {
    walkMappings(primary, shadow, place);
  } else {
    note(place, kindOf(primary) === kindOf(shadow) ? "value" : "kind", primary, shadow);
  }
}

function walkLists(primary: readonly unknown[], shadow: readonly unknown[], place: Place, unordered: boolean): void {
  if (unordered) {
    const entry = inside(place, "*", true);
    const equal = (a: unknown, b: unknown): boolean => {
      const probe = { ...entry, found: [] };
      walk(a, b, probe);
      return probe.found.length === 0;
    };
    for (const [a, b] of alignUnordered(primary, shadow, equal)) compareOptional(a, b, entry);
    return;
  }
  const length = Math.max(primary.length, shadow.length);
  for (let index = 0; index < length; index += 1) {
    if (place.found.length >= keptPerPair) return;
    const entry = inside(place, String(index), true);
    if (index >= shadow.length) absent(entry, primary[index], undefined);
    else if (index >= primary.length) absent(entry, undefined, shadow[index]);
    else walk(primary[index], shadow[index], entry);
  }
}

function walkMappings(primary: Mapping, shadow: Mapping, place: Place): void {
  for (const key of Object.keys(primary)) {
    const entry = inside(place, key, false);
    if (Object.hasOwn(shadow, key)) walk(primary[key], shadow[key], entry);
    else absent(entry, primary[key], undefined);
  }
  for (const key of Object.keys(shadow)) {
    if (!Object.hasOwn(primary, key)) absent(inside(place, key, false), undefined, shadow[key]);
  }
}

function compareOptional(primary: unknown, shadow: unknown, place: Place): void {
  if (primary === undefined || shadow === undefined) absent(place, primary, shadow);
  else walk(primary, shadow, place);
}

function absent(place: Place, primary: unknown, shadow: unknown): void {
  if (!place.node?.rule?.ignore) note(place, "absent", primary, shadow);
}

function inside({ at, field, node, tolerance, found }: Place, part: string, isIndex: boolean): Place {
  return {
    // Built up as strings: paths as lists cost more than the comparison itself.
    at: isIndex ? `${at}[${part}]` : appendKey(at, part),
    field: isIndex ? `${field}[*]` : appendKey(field, part),
    node: node?.child(part, isIndex),
    tolerance,
    found,
  };
}

function note({ at, field, found }: Place, how: Difference["how"], primary: unknown, shadow: unknown): void {
  found.push({
    field: field === "" ? "$" : field,
    at: at === "" ? "$" : at,
    how,
    primary,
    shadow,
    magnitude: magnitudeOf(primary, shadow),
  });
}

function magnitudeOf(primary: unknown, shadow: unknown): number {
  if (!isJsonNumber(primary) || !isJsonNumber(shadow)) return 1;
  const { relative } = distanceOf(primary, shadow);
  return Number.isNaN(relative) ? 1 : Math.min(1, relative);
}

type Mapping = Readonly<Record<string, unknown>>;

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (isJsonNumber(value)) return "number";
  return Array.isArray(value) ? "list" : typeof value;
}
