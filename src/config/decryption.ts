import { createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { ciphersOf, cipherText, isCipher } from "./ciphers.ts";

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
  const key = ciphers.length === 0 ? undefined : await keyOf({ salt, passphrase });
  if (!key) return [];
  return ciphers.filter(({ cipher }) => opened(key, cipher) === undefined).map(({ key: name }) => name);
}

/** The text of one value, `{secure: …}` as the engine wrote it; undefined where it cannot be decrypted. */
export async function decryptedValue(
  value: unknown,
  stack: { readonly salt: unknown; readonly passphrase: string | undefined },
): Promise<string | undefined> {
  if (typeof value !== "object" || value === null || !isCipher(value)) return undefined;
  const key = await keyOf(stack);
  return key && opened(key, value.secure);
}

/** The key that a passphrase makes; undefined where it is not the stack's. */
async function keyOf(stack: { readonly salt: unknown; readonly passphrase: string | undefined }) {
  const { salt, passphrase } = stack;
  const [, encoded, check] = /^v1:([^:]+):(v1:.*)$/.exec(typeof salt === "string" ? salt : "") ?? [];
  if (encoded === undefined || check === undefined || passphrase === undefined) return undefined;
  const key = await promisify(pbkdf2)(passphrase, Buffer.from(encoded, "base64"), rounds, keyBytes, "sha256");
  return opened(key, check) === undefined ? undefined : key;
}

function opened(key: Buffer, cipher: unknown): string | undefined {
  const [, nonce = "", text = ""] = (typeof cipher === "string" && cipherText.exec(cipher)) || [];
  const sealed = Buffer.from(text, "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"), { authTagLength: tagBytes });
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}
