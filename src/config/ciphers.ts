import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { keyPath, prefix } from "./sentences.ts";

/** A value that `pulumi config set --secret` wrote: `{secure: <cipher>}`. */
export interface Cipher {
  /** As sentences name it. */
  readonly key: string;
  readonly cipher: unknown;
}

/** What the engine writes with a passphrase or a key of a cloud: `v1:<nonce>:<cipher>`, both in base64 (RFC 4648). */
export const cipherText = /^v1:([A-Za-z0-9+/]+={0,2}):([A-Za-z0-9+/]+={0,2})$/;

/** Whether a mapping of a config stands for an encrypted value. */
export function isCipher(value: object): value is { readonly secure: unknown } {
  return "secure" in value && Object.keys(value).length === 1;
}

/** Whether a value of a config is encrypted. */
export function isEncrypted(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value && typeof value.secure === "string";
}

/** Every encrypted value of a config. */
export function ciphersOf(config: Readonly<Record<string, unknown>>): Cipher[] {
  const found: Cipher[] = [];
  const walk = (key: (...rest: PropertyKey[]) => string, value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value !== "object" || value === null) return;
    if (isCipher(value)) {
      found.push({ key: key(...path), cipher: value.secure });
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      walk(key, inner, [...path, Array.isArray(value) ? Number(name) : name]);
    }
  };
  for (const [key, value] of Object.entries(config)) {
    const own = key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
    walk((...rest) => (own === undefined ? key : keyPath([own, ...rest])), value, []);
  }
  return found;
}

/** Encrypted values that no key opens, for they are not what the engine writes. */
export function cipherIssues(config: Readonly<Record<string, unknown>>): Refusal[] {
  return ciphersOf(config)
    .filter(
      ({ cipher }) => typeof cipher !== "string" || (cipher.startsWith("v1:") && !cipherText.test(cipher)) || !cipher,
    )
    .map(({ key }) => undecryptable(key));
}

/**
 * The refusal of a value that cannot be decrypted.
 *
 * @param removal - the command that removes it, where it is in no committed file
 */
export function undecryptable(key: string, removal?: string): Refusal {
  const path = /[.[]/.test(key) ? ` --path '${key}'` : ` ${key}`;
  const remove = removal ? `remove it with \`${removal}\`` : "remove it";
  return refusal("secret.undecryptable", key, { remove, path });
}
