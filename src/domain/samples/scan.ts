import { withoutCredentials } from "../credentials/credentials.ts";
import { nameSays } from "../credentials/names.ts";
import { holdsCredential, isPlaceholder, isSetting } from "../credentials/values.ts";
import { isMapping } from "../mapping.ts";
import { carriesSecret } from "../recording/storedHeaders.ts";
import { kindPattern } from "../redaction/patterns.ts";
import { readExactJson } from "../shadow/exactJson.ts";
import { appendKey } from "../shadow/fieldPath.ts";

/** Values at one place of requests or answers, such as `request messages[*].content`. */
export type Places = ReadonlyMap<string, number>;

/** A body as it is scanned: decoded, JSON where it is that. */
export type ScannedBody = { readonly json: unknown } | { readonly text: string };

/** What of a request and its answer is looked at. */
export interface Scanned {
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly request: ScannedBody;
  /** Undefined where none was kept. */
  readonly answer: ScannedBody | undefined;
}

const email = kindPattern("email");
const pseudonym = /^redacted:[0-9a-f]{24}$/;
/** Beyond it a value that only its name speaks of is not a key. */
const longestKey = 4_096;
/** JSON inside of a text is looked into up to this length. */
const longestInside = 1024 ** 2;
/** Deeper than what a client means. */
const deepest = 1_000;

/** Looks for keys and people's addresses of mail in requests, and tells where they are and how many, never what they are. */
export class SampleScan {
  readonly #keys = new Map<string, number>();
  readonly #addresses = new Map<string, number>();

  get keys(): Places {
    return this.#keys;
  }

  get addresses(): Places {
    return this.#addresses;
  }

  add({ path, headers, request, answer }: Scanned): void {
    if (withoutCredentials(path) !== path) count(this.#keys, "path");
    else this.#text("path", "", decoded(path));
    for (const [name, value] of Object.entries(headers)) {
      for (const each of [value].flat()) this.#text(`header ${name}`, name, each);
    }
    this.#body("request", request);
    if (answer) this.#body("answer", answer);
  }

  #body(side: string, body: ScannedBody): void {
    if ("json" in body) this.#value(side, "", "", body.json, 0);
    else this.#text(side, "", body.text);
  }

  /** @param name - of the key that the value belongs to */
  #value(side: string, path: string, name: string, value: unknown, depth: number): void {
    if (depth > deepest) return;
    if (typeof value === "string") {
      this.#text(placeOf(side, path), name, value);
      const inside = insideOf(value);
      if (inside !== undefined) this.#value(side, path, name, inside, depth + 1);
    } else if (Array.isArray(value)) {
      for (const each of value) this.#value(side, `${path}[*]`, name, each, depth + 1);
    } else if (isMapping(value) && Object.getPrototypeOf(value) === Object.prototype) {
      for (const [key, each] of Object.entries(value)) {
        // A key may be a value too: then it is not part of what is told.
        const isTold = !this.#text(placeOf(side, path), "", key);
        this.#value(side, isTold ? appendKey(path, key) : `${path}[…]`, key, each, depth + 1);
      }
    }
  }

  /** Whether it was found to be something. */
  #text(place: string, name: string, text: string): boolean {
    const isKey = isNamedKey(name, text) || holdsCredential(text);
    const isAddress = email.matches(text).length > 0;
    if (isKey) count(this.#keys, place);
    if (isAddress) count(this.#addresses, place);
    return isKey || isAddress;
  }
}

/** `12 at request user.email, 3 at path`, the most first; of many places some. */
export function placesText(places: Places): string {
  const sorted = [...places].sort(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1));
  const told = sorted.slice(0, mostTold).map(([place, times]) => `${place} (${times})`);
  return [...told, ...(sorted.length > mostTold ? [`${sorted.length - mostTold} more places`] : [])].join(", ");
}
const mostTold = 10;

/** Values at all places together. */
export function totalOf(places: Places): number {
  return [...places.values()].reduce((sum, times) => sum + times, 0);
}

function isNamedKey(name: string, text: string): boolean {
  if (name === "" || text.length > longestKey || isPlaceholder(text) || pseudonym.test(text)) return false;
  const says = nameSays(name);
  if (says === "password") return true;
  return (says === "credential" || carriesSecret(name.toLowerCase())) && !isSetting(text);
}

function insideOf(text: string): unknown {
  if (text.length > longestInside || !/^\s*[[{]/.test(text)) return undefined;
  const read = readExactJson(text);
  return "value" in read ? read.value : undefined;
}

function placeOf(side: string, path: string): string {
  return path === "" ? side : `${side} ${path}`;
}

function count(places: Map<string, number>, place: string): void {
  places.set(place, (places.get(place) ?? 0) + 1);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
