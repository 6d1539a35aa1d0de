/**
 * Changes a list or a mapping in place, for a body may have millions of entries; other values stay as they are.
 *
 * @param ofEntry - gets an entry, with its key or index
 */
export function changed(
  value: unknown,
  ofKey: (key: string) => string,
  ofEntry: (entry: unknown, place: string | number) => unknown,
): unknown {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = ofEntry(value[index], index);
    return value;
  }
  if (typeof value !== "object" || value === null) return value;
  const mapping = value as Record<string, unknown>;
  let sameKeys = true;
  for (const key of Object.keys(mapping)) {
    sameKeys &&= ofKey(key) === key;
    put(mapping, key, ofEntry(mapping[key], key));
  }
  if (sameKeys) return mapping;
  const renamed: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(mapping)) put(renamed, ofKey(key), entry);
  return renamed;
}

/** Assigned, an entry called `__proto__` would vanish. */
function put(mapping: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") mapping[key] = value;
  else Object.defineProperty(mapping, key, { value, enumerable: true, configurable: true, writable: true });
}
