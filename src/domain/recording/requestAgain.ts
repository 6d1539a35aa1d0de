import { nameSays } from "../credentials/names.ts";
import { holdsCredential, isPlaceholder, isSetting } from "../credentials/values.ts";
import { isMapping } from "../mapping.ts";
import type { Operation } from "../protocols/operation.ts";
import { carriesSecret } from "./storedHeaders.ts";

/** How recorded requests are answered when they are sent again: as they were, never or always in pieces. */
export const streamings = ["recorded", "never", "always"] as const;
export type Streaming = (typeof streamings)[number];

/** A recorded request's JSON as it is sent again. */
export interface RequestAgain {
  readonly json: unknown;
  /** It is not what was recorded. */
  readonly isChanged: boolean;
  /** Keys that were in it, which nobody gave us to use. */
  readonly keys: number;
}

const removed = "…";
/** A longer text is not taken for a key, since searching it would take long. In characters. */
const longestKey = 4_096;

/**
 * A request without the keys that its client had put into it, and asking for pieces or not. By `streaming` of its operation; one whose answers
 * never come in pieces stays as it was.
 */
export function requestAgain(operation: Operation | undefined, recorded: unknown, streaming: Streaming): RequestAgain {
  const found = { keys: 0 };
  const plain = withoutKeys("", recorded, found);
  const json = streaming === "recorded" ? plain : streamed(operation, plain, streaming === "always");
  return { json, isChanged: found.keys > 0 || json !== plain, keys: found.keys };
}

function streamed(operation: Operation | undefined, request: unknown, isStream: boolean): unknown {
  const says = operation?.streaming;
  if (!says || !isMapping(request) || (request.stream === true) === isStream) return request;
  const { ...rest } = request;
  for (const key of Object.keys(says)) delete rest[key];
  return isStream ? { ...rest, ...says } : rest;
}

function withoutKeys(name: string, value: unknown, found: { keys: number }): unknown {
  if (typeof value === "string") {
    if (!isKey(name, value)) return value;
    found.keys += 1;
    return undefined;
  }
  if (Array.isArray(value)) {
    const list = value.map(
      (each: unknown) => withoutKeys(name, each, found) ?? (typeof each === "string" ? removed : each),
    );
    return list.every((each, index) => each === value[index]) ? value : list;
  }
  // Numbers as they are written are objects too, and have no keys.
  if (!isMapping(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, withoutKeys(key, each, found)] as const);
  if (entries.every(([key, each]) => each === value[key])) return value;
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
}

/** By its name, unless the value stands for one or sets something; by what it looks like, where it is all that the text says. */
function isKey(name: string, value: string): boolean {
  if (value.length > longestKey || isPlaceholder(value)) return false;
  const says = nameSays(name);
  if (says === "password") return true;
  if (says === "credential" || carriesSecret(name.toLowerCase())) return !isSetting(value);
  return !/\s/.test(value.trim()) && holdsCredential(value);
}
