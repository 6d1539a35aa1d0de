import { distanceOf, isSameNumber, type JsonNumber } from "./exactNumber.ts";
import { type FieldPath, type PathNode, parseFieldPath, pathTree } from "./fieldPath.ts";

/** How far two numbers may be apart and still count as equal: either bound suffices. */
export interface Tolerance {
  /** In the field's own unit. @default 0 */
  readonly absolute?: number | undefined;
  /** Share of the larger of the two magnitudes, 0 to 1. @default 0 */
  readonly relative?: number | undefined;
}

/** What counts as a difference between two answers, as a stack declares it. Paths as in `parseFieldPath`. */
export interface ComparisonRules {
  /** For every number of the answer. @default exact */
  readonly tolerance?: Tolerance | undefined;
  /** For numbers at and below a path, in place of `tolerance`. */
  readonly tolerances?: Readonly<Record<string, Tolerance>> | undefined;
  /** Paths that are not compared, with everything below them. */
  readonly ignore?: readonly string[] | undefined;
  /** Lists whose order does not matter. */
  readonly unordered?: readonly string[] | undefined;
}

/** What is known about one place of a document. */
export interface FieldRule {
  readonly ignore?: boolean;
  readonly unordered?: boolean;
  readonly tolerance?: Tolerance;
}

/** Rules that are ready to be followed. */
export interface CompiledRules {
  readonly tolerance: Tolerance;
  readonly tree: PathNode<FieldRule>;
}

/** @throws RangeError that names a text which is no path: the config has refused such before. */
export function compileRules(rules: ComparisonRules = {}): CompiledRules {
  const byPath = new Map<string, { path: FieldPath; rule: FieldRule }>();
  const say = (text: string, rule: FieldRule): void => {
    const path = parseFieldPath(text);
    if (!path) throw new RangeError(`"${text}" is no path of a field`);
    const key = JSON.stringify(path);
    byPath.set(key, { path, rule: { ...byPath.get(key)?.rule, ...rule } });
  };
  for (const [text, tolerance] of Object.entries(rules.tolerances ?? {})) say(text, { tolerance });
  for (const text of rules.unordered ?? []) say(text, { unordered: true });
  for (const text of rules.ignore ?? []) say(text, { ignore: true });
  return {
    tolerance: rules.tolerance ?? {},
    tree: pathTree([...byPath.values()].map(({ path, rule }) => [path, rule] as const)),
  };
}

/** Whether two numbers count as equal. What is not finite is equal to itself only, whatever the tolerance. */
export function isWithin(a: JsonNumber, b: JsonNumber, { absolute = 0, relative = 0 }: Tolerance): boolean {
  if (isSameNumber(a, b)) return true;
  const distance = distanceOf(a, b);
  // A bound of zero is none: the distance of two numbers may be too small for a double.
  return (absolute > 0 && distance.absolute <= absolute) || (relative > 0 && distance.relative <= relative);
}
