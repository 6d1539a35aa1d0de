import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import * as z from "zod";
import { ExactNumber } from "../shadow/exactNumber.ts";
import { isWithin } from "../shadow/tolerance.ts";

/** One input with the output that it must have. */
export const smokeCaseSchema = z.strictObject({
  /** Body of the prediction. */
  input: z.json(),
  /** Body of the answer. Keys that it does not name may be there too. */
  output: z.json(),
  /** Largest absolute difference of a number from the expected one. Default: 0. */
  tolerance: z.number().min(0).default(0),
});

export const smokeSetSchema = z.array(smokeCaseSchema).min(1);
export type SmokeCase = z.output<typeof smokeCaseSchema>;
type Json = z.core.util.JSONType;

/** 64 hex digits that change with everything in the set, whatever the order of its keys. */
export function suiteOf(cases: readonly SmokeCase[]): string {
  return digestOf(cases.map(({ input, output, tolerance }) => ({ input, output, tolerance })));
}

/** SHA-256 of a JSON value with sorted keys. */
export function digestOf(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(sorted(value)))));
}

/** Where an answer differs from what was expected, such as `results[0]: 9.9 instead of 6.6`; empty when it does not. */
export function differences(expected: Json, answered: unknown, tolerance: number, path = ""): string[] {
  const here = path || "the answer";
  if (typeof expected === "number" && typeof answered === "number") {
    // The tolerance itself is within it, although 0.1 + 0.2 is a little more than 0.3.
    const slack = Number.EPSILON * Math.max(Math.abs(expected), Math.abs(answered)) * 4;
    return Math.abs(expected - answered) <= tolerance + slack ? [] : [`${here}: ${answered} instead of ${expected}`];
  }
  // What a double would round is told from its neighbours.
  if (typeof expected === "number" && answered instanceof ExactNumber) {
    return isWithin(expected, answered, { absolute: tolerance }) ? [] : [`${here}: ${answered} instead of ${expected}`];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(answered)) return [`${here}: ${shown(answered)} instead of a list`];
    if (answered.length !== expected.length) {
      return [`${here}: ${answered.length} entries instead of ${expected.length}`];
    }
    return expected.flatMap((each, index) => differences(each, answered[index], tolerance, `${path}[${index}]`));
  }
  if (typeof expected === "object" && expected !== null) {
    const isMapping = typeof answered === "object" && answered !== null && !Array.isArray(answered);
    if (!isMapping || answered instanceof ExactNumber) {
      return [`${here}: ${shown(answered)} instead of a mapping`];
    }
    const found = answered as Record<string, unknown>;
    return Object.entries(expected).flatMap(([key, value]) => {
      const inner = path ? `${path}.${key}` : key;
      return key in found ? differences(value, found[key], tolerance, inner) : [`${inner}: missing`];
    });
  }
  return Object.is(expected, answered) ? [] : [`${here}: ${shown(answered)} instead of ${shown(expected)}`];
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
