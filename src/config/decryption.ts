import { createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { ciphersOf, cipherText } from "./ciphers.ts";

/** Rounds, bytes and hash by which the engine makes a key of a passphrase (PBKDF2, RFC 8018). */
const rounds = 1_000_000;
const keyBytes = 32;
const tagBytes = 16;

/**
 * Keys whose values the stack's passphrase does not open: one bad value, and the engine runs nothing, without saying which. Empty
 * where that cannot be known, as with another provider of secrets or a wrong passphrase. Takes half a second if anything is encrypted.
 *
 * @param salt - `encryptionsalt` of the stack file: `v1:<salt>:<a cipher that the right passphrase opens>`
 */
export async function keysNotDecrypted(
  config: Readonly<Record<string, unknown>>,
  { salt, passphrase }: { readonly salt: unknown; readonly passphrase: string | undefined },
): Promise<string[]> {
  const ciphers = ciphersOf(config);
  const [, encoded, check] = /^v1:([^:]+):(v1:.*)$/.exec(typeof salt === "string" ? salt : "") ?? [];
  if (ciphers.length === 0 || encoded === undefined || check === undefined || passphrase === undefined) return [];
  const key = await promisify(pbkdf2)(passphrase, Buffer.from(encoded, "base64"), rounds, keyBytes, "sha256");
  if (!opens(key, check)) return [];
  return ciphers.filter(({ cipher }) => !opens(key, cipher)).map(({ key: name }) => name);
}

function opens(key: Buffer, cipher: unknown): boolean {
  const [, nonce = "", text = ""] = (typeof cipher === "string" && cipherText.exec(cipher)) || [];
  const sealed = Buffer.from(text, "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"), { authTagLength: tagBytes });
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    decipher.update(sealed.subarray(0, -tagBytes));
    decipher.final();
    return true;
  } catch {
    return false;
  }
}
