import { ExactNumber } from "../shadow/exactNumber.ts";

/** JSON text of what `readExactJson` read, numbers as they were written, with Python's words for floats that are no number. */
export function jsonTextOf(value: unknown): string {
  return isWritable(value) ? JSON.stringify(value) : written(value);
}

/** Whether the engine's own writer has a word for all of it. */
function isWritable(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return true;
  if (Array.isArray(value)) return value.every(isWritable);
  for (const key in value) if (!isWritable((value as Record<string, unknown>)[key])) return false;
  return true;
}

function written(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : nonFinite(value);
  if (value instanceof ExactNumber) return value.toString();
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)}:${written(each)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

function nonFinite(value: number): string {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
