/** The value at a path of keys, or undefined where there is none. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/** A list's items; what is no list has none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
