import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import * as z from "zod";
import { sameHash } from "../access/apiKey.ts";

/** Leave to upload one object, for a while. Nothing of it needs to be stored: the token says it, and is signed. */
export interface UploadCredentials {
  readonly key: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

const claims = z.strictObject({ key: z.string(), until: z.number() });

/** @param until - end of the leave, in milliseconds since 1970. */
export function uploadCredentials(signingKey: string, key: string, until: number): UploadCredentials {
  const said = bytesToHex(utf8ToBytes(JSON.stringify({ key, until })));
  const sessionToken = `${said}.${mac(signingKey, `upload ${said}`)}`;
  return {
    key,
    accessKeyId: "MENAGERIEUPLOAD",
    secretAccessKey: mac(signingKey, `secret ${sessionToken}`),
    sessionToken,
  };
}

/** What a session token allows, with the secret that requests under it are signed with; undefined for a false one. */
export function readSessionToken(
  signingKey: string,
  sessionToken: string,
  now: number,
): { readonly key: string; readonly secret: string } | undefined {
  const [said = "", tag = ""] = sessionToken.split(".");
  const wanted = mac(signingKey, `upload ${said}`);
  if (!sameHash(sha256(utf8ToBytes(wanted)), sha256(utf8ToBytes(tag))) || !/^([0-9a-f]{2})+$/.test(said))
    return undefined;
  const bytes = Uint8Array.from(said.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const { key, until } = claims.parse(JSON.parse(new TextDecoder().decode(bytes)));
  return now > until ? undefined : { key, secret: mac(signingKey, `secret ${sessionToken}`) };
}

function mac(key: string, text: string): string {
  return bytesToHex(hmac(sha256, utf8ToBytes(key), utf8ToBytes(text)));
}
