import type { Operation } from "../protocols/operation.ts";
import { operations } from "../protocols/operations.ts";
import { type FieldPath, type PathNode, parseFieldPath, pathTree } from "./fieldPath.ts";
import type { TextRule } from "./texts/rules.ts";
import type { Tolerance } from "./tolerance.ts";

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
  /** How texts at and below a path are compared. @default every character counts */
  readonly texts?: Readonly<Record<string, TextRule>> | undefined;
}

/** What is known about one place of a document. */
export interface FieldRule {
  readonly ignore?: boolean;
  readonly unordered?: boolean;
  readonly tolerance?: Tolerance;
  readonly text?: TextRule;
  /** Null, an empty text or list, and nothing at all are the same. */
  readonly omittable?: boolean;
  /** Counts only where both answers have it. */
  readonly whereBoth?: boolean;
  /** Numbers, as a list or as base64 of their float32. */
  readonly floats?: boolean;
}

/** Rules that are ready to be followed. */
export interface CompiledRules {
  readonly tolerance: Tolerance;
  readonly tree: PathNode<FieldRule>;
}

/**
 * Rules of a stack, on top of what an operation's answers are compared by: a path that a rule names counts, also where the operation
 * leaves it out.
 *
 * @param operation - @default one of which nothing is known
 * @throws RangeError that names a text which is not a path: the config has refused such before.
 */
export function compileRules(rules: ComparisonRules = {}, operation?: Operation): CompiledRules {
  const byPath = new Map<string, { path: FieldPath; rule: FieldRule }>();
  const say = (text: string, rule: FieldRule): void => {
    const path = parseFieldPath(text);
    if (!path) throw new RangeError(`"${text}" is not a path of a field`);
    const key = JSON.stringify(path);
    byPath.set(key, { path, rule: { ...byPath.get(key)?.rule, ...rule } });
  };
  for (const text of operation?.ignored ?? []) say(text, { ignore: true });
  for (const text of operation?.omittable ?? []) say(text, { omittable: true });
  for (const text of operation?.whereBoth ?? []) say(text, { whereBoth: true });
  for (const text of operation?.floats ?? []) say(text, { floats: true });
  for (const text of operation?.jsonTexts ?? []) say(text, { text: { as: "json" } });
  for (const [text, tolerance] of Object.entries(rules.tolerances ?? {})) say(text, { tolerance, ignore: false });
  for (const [path, text] of Object.entries(rules.texts ?? {})) say(path, { text, ignore: false });
  for (const text of rules.unordered ?? []) say(text, { unordered: true, ignore: false });
  for (const text of rules.ignore ?? []) say(text, { ignore: true });
  return {
    tolerance: rules.tolerance ?? {},
    tree: pathTree([...byPath.values()].map(({ path, rule }) => [path, rule] as const)),
  };
}

/** Keys of an answer that do not count, by operation; under "" those where the operation is not known. */
export function uncountedKeys(rules: ComparisonRules = {}): Readonly<Record<string, readonly string[]>> {
  const keysOf = (operation: Operation | undefined): readonly string[] => {
    const { tree } = compileRules(rules, operation);
    const named = [...(operation?.ignored ?? []), ...(rules.ignore ?? [])].flatMap((text) => {
      const path = parseFieldPath(text);
      return path?.length === 1 ? path : [];
    });
    // `[0]` is an entry of a list, and a rule below a key that is left out changes nothing.
    return [...new Set(named)].filter(
      (key) => !/^(\*|\d+)$/.test(key) && tree.child(key, false)?.rule?.ignore === true,
    );
  };
  return Object.fromEntries([["", keysOf(undefined)], ...operations.map((each) => [each.name, keysOf(each)] as const)]);
}
