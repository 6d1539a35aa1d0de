import { compareNumbers, ExactNumber, isJsonNumber, type JsonNumber } from "./exactNumber.ts";

/** Entries that are left over are tried against each other only up to this many; beyond it they are paired in order. */
const triedAgainstEachOther = 128;

/**
 * Pairs the entries of two lists whose order does not matter, so that as many as possible are equal; those left over are
 * paired in the order of their content, and an entry without a partner comes with `undefined`. `equal` may allow a
 * tolerance, so numbers are paired by size first, which is optimal for them.
 */
export function alignUnordered(
  primary: readonly unknown[],
  shadow: readonly unknown[],
  equal: (a: unknown, b: unknown) => boolean,
): readonly (readonly [unknown, unknown])[] {
  if (primary.every(isJsonNumber) && shadow.every(isJsonNumber)) {
    const bySize = (list: readonly unknown[]) => (list as JsonNumber[]).toSorted(compareNumbers);
    return zip(bySize(primary), bySize(shadow));
  }
  const [left, right] = withoutIdentical(primary, shadow);
  const tried = left.length <= triedAgainstEachOther && right.length <= triedAgainstEachOther;
  return tried ? greedy(left, right, equal) : zip(left, right);
}

/** What is left of both lists, in the order of content, after entries with the very same content are taken out. */
function withoutIdentical(primary: readonly unknown[], shadow: readonly unknown[]): [unknown[], unknown[]] {
  const byContent = new Map<string, unknown[]>();
  for (const entry of shadow) {
    const key = canonical(entry);
    const known = byContent.get(key);
    if (known) known.push(entry);
    else byContent.set(key, [entry]);
  }
  const left: [string, unknown][] = [];
  for (const entry of primary) {
    const key = canonical(entry);
    if (byContent.get(key)?.pop() === undefined) left.push([key, entry]);
  }
  const right = [...byContent].flatMap(([key, entries]) => entries.map((entry): [string, unknown] => [key, entry]));
  const inOrder = (list: [string, unknown][]) => list.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  return [inOrder(left), inOrder(right)];
}

function greedy(left: readonly unknown[], right: unknown[], equal: (a: unknown, b: unknown) => boolean) {
  const free = [...right];
  const unequal: unknown[] = [];
  for (const entry of left) {
    const partner = free.findIndex((candidate) => equal(entry, candidate));
    if (partner === -1) unequal.push(entry);
    else free.splice(partner, 1);
  }
  return zip(unequal, free);
}

function zip(left: readonly unknown[], right: readonly unknown[]): (readonly [unknown, unknown])[] {
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, index) => [left[index], right[index]] as const);
}

/** JSON text that is the same for the same content, whatever the order of keys; of numbers that JSON lacks their names. */
export function canonical(value: unknown): string {
  if (value instanceof ExactNumber) return value.canonical;
  // -0 is 0 for `String`; JSON would write NaN as null.
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}
