import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { KeyRight } from "./rights.ts";

/**
 * An API key: `mng_<prefix>_<secret>`, with a public prefix of 8 letters and digits by which its row is found, and a
 * secret of 32 random bytes. So much randomness needs no slow hash: nobody can guess it, or find it from its hash.
 */
const keyPattern = /^mng_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}$/;

export const prefixLength = 8;
export const secretBytes = 32;

/** A key's text from random parts: 8 letters and digits, and 43 characters of base64url. */
export function apiKey(prefix: string, secret: string): string {
  const key = `mng_${prefix}_${secret}`;
  if (!keyPattern.test(key)) throw new Error("an API key needs 8 letters and digits and 43 characters of base64url");
  return key;
}

/** The public prefix of what looks like a key, else undefined. */
export function keyPrefix(key: string): string | undefined {
  return keyPattern.exec(key)?.[1];
}

/** What is stored of a key: its SHA-256. */
export function keyHash(key: string): Uint8Array {
  return sha256(utf8ToBytes(key));
}

/** Compares two hashes in a time that does not depend on where they differ. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}

/** What a key that is stored opens: one model, or all models of an organization. */
export type StoredScope = { readonly modelId: string } | { readonly organizationId: string };

/** What a key opens, and what it may do besides predicting; `admin` is the stack's own, which opens everything and may do all. */
export type KeyScope = (StoredScope & { readonly rights?: readonly KeyRight[] }) | { readonly admin: true };

/** Whether a key may do something besides predicting. */
export function may(scope: KeyScope, right: KeyRight): boolean {
  return "admin" in scope || (scope.rights?.includes(right) ?? false);
}

/** Whether a key of this scope may work with `model`. */
export function opens(scope: KeyScope, model: { readonly id: string; readonly organizationId: string }): boolean {
  if ("admin" in scope) return true;
  return "modelId" in scope ? scope.modelId === model.id : scope.organizationId === model.organizationId;
}
