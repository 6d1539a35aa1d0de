import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/**
 * The header by which a gateway tells recorders how a request came to its side, whatever the client sent under this one: {@link drawnCoin}, the name of
 * the cookie that keeps the side, or {@link hashCoin}. Models are not meant to see it.
 */
export const coinHeader = "x-menagerie-coin";

/** As of the ids that are stored. */
const longestId = 256;

/** Name of the cookie that keeps a user on one side. Another generation of the traffic has another one, so that it draws everybody anew. */
export function coinCookie(route: string, generation: number): string {
  return `menagerie-${route}-${generation}`;
}

/** What the gateway tells of requests that are drawn one by one, by the weight of a generation of the traffic. */
export function drawnCoin(generation: number): string {
  return `coin ${generation}`;
}

/** What the gateway tells where the hash of a header's value keeps a user on one side: the name of the header, and the key that hides its value. */
export interface HashCoin {
  readonly generation: number;
  /** In lower case. */
  readonly header: string;
  /** 32 hex digits. */
  readonly key: string;
}

export function hashCoin({ generation, header, key }: HashCoin): string {
  return `hash ${generation} ${header} ${key}`;
}

/**
 * What a recorder stores of it, beside the request's headers. Of requests that are drawn one by one: the same. By a cookie: `drawn <generation>`, or `kept <generation> <id of the request that was
 * drawn>`; a cookie that an earlier Menagerie set has no id, and one that is too long to be stored counts as none. By the hash of a header: `hash
 * <generation> <keyed hash of the value>`; undefined for a request without the header, which is drawn by itself and is nobody's. Neither the cookie
 * nor the value is stored. Undefined where the gateway told nothing.
 *
 * @param told - the gateway's header
 * @param cookies - the request's
 * @param valuesOf - all values of one of the request's headers. Default: it has none
 */
export function storedCoin(
  told: string | undefined,
  cookies: string | undefined,
  valuesOf: (header: string) => readonly string[] | undefined = () => undefined,
): string | undefined {
  if (told === undefined) return undefined;
  if (/^coin \d{1,15}$/.test(told)) return told;
  const [, hashed, header = "", key = ""] = /^hash (\d{1,15}) ([a-z0-9-]+) ([0-9a-f]{32})$/.exec(told) ?? [];
  if (hashed !== undefined) {
    const values = valuesOf(header);
    return values && values.length > 0 ? `hash ${hashed} ${personOf(key, values)}` : undefined;
  }
  const generation = /^menagerie-[a-z0-9-]+-(\d{1,15})$/.exec(told)?.[1];
  if (generation === undefined) return undefined;
  const held = new RegExp(`(?:^|;)\\s*${told}=(?:old|new)(?:\\.([^;]*))?\\s*(?:;|$)`).exec(cookies ?? "");
  if (!held) return `drawn ${generation}`;
  const id = (held[1] ?? "").trim();
  return id === "" || id.length > longestId ? `kept ${generation}` : `kept ${generation} ${id}`;
}

/** The same for the same values in any order, as the gateway's hash is. 32 hex digits. */
function personOf(key: string, values: readonly string[]): string {
  return bytesToHex(hmac(sha256, utf8ToBytes(key), utf8ToBytes(JSON.stringify(values.toSorted())))).slice(0, 32);
}
