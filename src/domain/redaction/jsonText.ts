import { ExactNumber } from "../shadow/exactNumber.ts";

/** JSON text of what `readExactJson` read, numbers as they were written, with Python's words for floats that are no number. */
export function jsonTextOf(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : nonFinite(value);
  if (value instanceof ExactNumber) return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonTextOf).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)}:${jsonTextOf(each)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

function nonFinite(value: number): string {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
