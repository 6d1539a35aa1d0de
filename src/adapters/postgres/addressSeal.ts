import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { userInfoAtMost } from "../../domain/credentials/addresses.ts";

/** Keeps the credentials of addresses (`git+https://user:TOKEN@…`, `git+https://TOKEN@…`) out of what is stored. */
export interface AddressSeal {
  /** The value with user and password of each address in its texts sealed, at any depth. What is sealed already stays so. */
  seal<T>(value: T): T;
  /** What {@link seal} made of a value, as it was. What another key sealed stays sealed. */
  open<T>(value: T): T;
}

/** Stands where user and password stood, so that the address stays one. */
const mark = "sealed.v1.";
const sealed = /sealed\.v1\.([A-Za-z0-9_-]+)@/g;
const [ivBytes, tagBytes] = [12, 16];

/** With AES-256-GCM, by a key derived from the API service's own (`MENAGERIE_SIGNING_KEY`). */
export function addressSeal(signingKey: string): AddressSeal {
  const key = Buffer.from(hkdfSync("sha256", signingKey, "", "menagerie addresses", 32));
  const closed = (plain: string): string => {
    if (plain.startsWith(mark)) return plain;
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", key, iv);
    const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
    return `${mark}${Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64url")}`;
  };
  const opened = (whole: string, encoded: string): string => {
    const bytes = Buffer.from(encoded, "base64url");
    if (bytes.length < ivBytes + tagBytes) return whole;
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes));
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
      return `${text.toString("utf8")}@`;
    } catch {
      return whole;
    }
  };
  return {
    seal: (value) => eachText(value, (text) => (text.includes("://") ? text.replace(userInfoAtMost, closed) : text)),
    open: (value) => eachText(value, (text) => (text.includes(mark) ? text.replace(sealed, opened) : text)),
  };
}

function eachText<T>(value: T, change: (text: string) => string): T {
  const changed = (one: unknown): unknown => {
    if (typeof one === "string") return change(one);
    if (Array.isArray(one)) return one.map(changed);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [changed(name), changed(inner)]));
  };
  return changed(value) as T;
}
