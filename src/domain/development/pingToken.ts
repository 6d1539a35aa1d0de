import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { keyHash, sameHash } from "../access/apiKey.ts";

/**
 * Secret part of a version's ping address. The control server sends no headers of ours, so the address itself says who
 * asks: HMAC-SHA256 of the version's id under the API service's own key. Nothing needs to be stored for it.
 *
 * @param key - the API service's signing key, known to the stack's state and the service alone.
 */
export function pingToken(key: string, versionId: string): string {
  return bytesToHex(hmac(sha256, utf8ToBytes(key), utf8ToBytes(`menagerie ping ${versionId}`)));
}

/** Whether `token` is the version's, in a time that does not depend on where it differs. */
export function isPingToken(key: string, versionId: string, token: string): boolean {
  return sameHash(keyHash(pingToken(key, versionId)), keyHash(token));
}

/** Address for `PATCH_PING_URL_TRUSS`; a secret. `api` is the service's url as pods reach it, without a path. */
export function pingUrl(api: string, key: string, versionId: string): string {
  return `${api}/v1/development/${versionId}/ping/${pingToken(key, versionId)}`;
}
