import type { StreamEvent } from "../join.ts";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** No event of a stream is longer, in characters; what it holds would take many times as much memory. */
const longestEvent = 16 * 1024 ** 2;

/** The object that an event's data is; undefined for everything else. */
export function eventObject({ data }: StreamEvent): Json | undefined {
  if (data.length > longestEvent) return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A place in a list that parts of an answer name by `index`; `otherwise` where they do not. */
export function indexOf(value: unknown, otherwise: number): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : otherwise;
}

/** Entries by their index, without the places that nothing came for. */
export function inOrder<Value>(byIndex: ReadonlyMap<number, Value>): Value[] {
  return [...byIndex].toSorted(([a], [b]) => a - b).map(([, value]) => value);
}
