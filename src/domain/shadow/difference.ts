import { isMapping } from "../mapping.ts";
import { floatsOf } from "../protocols/floats.ts";
import { distanceOf, isJsonNumber, nearestDouble } from "./exactNumber.ts";
import { appendKey, type PathNode } from "./fieldPath.ts";
import type { CompiledRules, FieldRule } from "./rules.ts";
import { textDifference } from "./texts/compare.ts";
import { documentsOf } from "./texts/json.ts";
import type { TextRule } from "./texts/rules.ts";
import { isWithin, type Tolerance } from "./tolerance.ts";
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
  /** How much, 0 to 1: relative to the larger of two numbers, also inside of texts; 1 for everything else. */
  readonly magnitude: number;
}

/** Differences kept of one pair; more of them are counted only. */
const keptPerPair = 256;

/**
 * Where two JSON documents differ under the rules, in the order of the primary's fields.
 *
 * @param onNoText - gets the fields at which a rule for texts found something else on both sides
 */
export function differencesOf(
  primary: unknown,
  shadow: unknown,
  rules: CompiledRules,
  onNoText?: (field: string) => void,
): readonly Difference[] {
  const found: Difference[] = [];
  const { tree: node, tolerance } = rules;
  walk(primary, shadow, { at: "", field: "", node, tolerance, text: undefined, found, onNoText });
  return found;
}

interface Place {
  /** As in {@link Difference}, but empty for the whole answer. */
  readonly at: string;
  readonly field: string;
  readonly node: PathNode<FieldRule> | undefined;
  readonly tolerance: Tolerance;
  readonly text: TextRule | undefined;
  readonly found: Difference[];
  readonly onNoText: ((field: string) => void) | undefined;
}

function walk(primary: unknown, shadow: unknown, above: Place): void {
  const rule = above.node?.rule;
  if (rule?.ignore || above.found.length >= keptPerPair) return;
  if (rule?.text && isNumberOrFlag(primary) && isNumberOrFlag(shadow)) above.onNoText?.(above.field);
  if (primary === shadow) return;
  if (rule?.omittable && isNothing(primary) && isNothing(shadow)) return;
  if (rule?.whereBoth && (primary === null || shadow === null)) return;
  const place =
    rule?.tolerance || rule?.text
      ? { ...above, tolerance: rule.tolerance ?? above.tolerance, text: rule.text ?? above.text }
      : above;
  if (rule?.floats && (typeof primary === "string" || typeof shadow === "string")) {
    const [left, right] = [float32sOf(primary), float32sOf(shadow)];
    if (left && right) {
      walkLists(left, right, place, false);
      return;
    }
  }
  if (isJsonNumber(primary) && isJsonNumber(shadow)) {
    if (!isWithin(primary, shadow, place.tolerance)) note(place, "value", primary, shadow);
  } else if (typeof primary === "string" && typeof shadow === "string") {
    compareTexts(primary, shadow, place);
  } else if (Array.isArray(primary) && Array.isArray(shadow)) {
    walkLists(primary, shadow, place, rule?.unordered ?? false);
  } else if (isMapping(primary) && isMapping(shadow)) {
    walkMappings(primary, shadow, place);
  } else {
    note(place, kindOf(primary) === kindOf(shadow) ? "value" : "kind", primary, shadow);
  }
}

function compareTexts(primary: string, shadow: string, place: Place): void {
  if (place.text?.as === "json") {
    const [left, right] = [documentsOf(primary), documentsOf(shadow)];
    if (left && right) {
      const inner = { ...place, text: undefined, node: place.node && withoutText(place.node) };
      if (left.length === 1 && right.length === 1) walk(left[0], right[0], inner);
      else walkLists(left, right, inner, false);
      return;
    }
  }
  const magnitude = textDifference(primary, shadow, place.text, place.tolerance);
  if (magnitude !== undefined) note(place, "value", primary, shadow, magnitude);
}

/** The rules below a text of JSON: the texts in it are texts of their own. */
function withoutText(node: PathNode<FieldRule>): PathNode<FieldRule> {
  const { text: _, ...rule } = node.rule ?? {};
  return { rule, child: (part, isIndex) => node.child(part, isIndex) };
}

/** An embedding as base64 or as a list, in the precision of the former. */
function float32sOf(value: unknown): readonly unknown[] | undefined {
  if (typeof value === "string") return floatsOf(value);
  if (!Array.isArray(value)) return undefined;
  return value.map((each: unknown) => (isJsonNumber(each) ? Math.fround(nearestDouble(each)) : each));
}

function isNumberOrFlag(value: unknown): boolean {
  return isJsonNumber(value) || typeof value === "boolean";
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
  const rule = place.node?.rule;
  if (rule?.ignore || rule?.whereBoth || (rule?.omittable && isNothing(primary ?? shadow))) return;
  note(place, "absent", primary, shadow);
}

/** What JSON has for nothing, where a field may be left out too. */
function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function inside({ at, field, node, tolerance, text, found, onNoText }: Place, part: string, isIndex: boolean): Place {
  return {
    // Built up as strings: paths as lists cost more than the comparison itself.
    at: isIndex ? `${at}[${part}]` : appendKey(at, part),
    field: isIndex ? `${field}[*]` : appendKey(field, part),
    node: node?.child(part, isIndex),
    tolerance,
    text,
    found,
    onNoText,
  };
}

function note(
  { at, field, found }: Place,
  how: Difference["how"],
  primary: unknown,
  shadow: unknown,
  magnitude = magnitudeOf(primary, shadow),
): void {
  found.push({
    field: field === "" ? "$" : field,
    at: at === "" ? "$" : at,
    how,
    primary,
    shadow,
    magnitude,
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
