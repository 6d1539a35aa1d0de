/** Stands for what a preview cannot know yet, such as the digest of an image that the `up` builds. No rule finds fault with it. */
export const unknown: unique symbol = Symbol("unknown");

/**
 * A copy that rules may look at everywhere. The SDK throws where a property is read that is not known yet, and then passes over the
 * whole rule for this resource; here the rest of it is judged all the same.
 */
export function withUnknowns(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const copy = (key: string): unknown => {
    try {
      return withUnknowns((value as Record<string, unknown>)[key]);
    } catch (error) {
      if (typeof error === "object" && error !== null && "unknownTypeSentinel" in error) return unknown;
      throw error;
    }
  };
  const entries = Object.keys(value).map((key) => [key, copy(key)] as const);
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** The value at a path of keys; undefined where there is none, {@link unknown} where it or what holds it is. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (found === unknown) return unknown;
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/** A list's items; what is no list has none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
