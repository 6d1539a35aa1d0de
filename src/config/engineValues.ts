import { isEncrypted } from "./ciphers.ts";
import { prefix } from "./sentences.ts";

/** Stands for what only the engine can decrypt. */
const secretStandIn = "[secret]";

/** Config of a stack's file as the engine gives it to the program: text, structured values as JSON. The values of secrets are made up. */
export function engineValues(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      const shown = withoutCiphers(value);
      return [key, typeof shown === "object" ? JSON.stringify(shown) : String(shown)];
    }),
  );
}

/** Keys of this project that are encrypted, wholly or in part. */
export function encryptedOwnKeys(config: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(config).flatMap(([key, value]) => (key.startsWith(prefix) && holdsSecret(value) ? [key] : []));
}

/** Whether a value is encrypted, or holds one that is, as `config set --secret --path` writes it. */
export function holdsSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isEncrypted(value) || Object.values(value).some(holdsSecret);
}

function withoutCiphers(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutCiphers);
  if (isEncrypted(value)) return secretStandIn;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutCiphers(inner)]));
}
