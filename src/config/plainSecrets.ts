import { isCredential } from "../domain/credentials/credentials.ts";
import { holdsCredential } from "../domain/credentials/values.ts";
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { isEncrypted } from "./ciphers.ts";
import { setPasswordCommand } from "./database.ts";
import { setGuardUrlCommand, setTargetUrlCommand } from "./migrationTarget.ts";
import { setPrometheusTokenCommand } from "./prometheus.ts";
import { setSecretCommand } from "./secrets.ts";
import { keyPath, prefix } from "./sentences.ts";

/**
 * Secrets that a stack file holds in the clear, a sentence each with the command that stores them encrypted. Every value is
 * looked at by itself: to the engine a mapping with one encrypted value is a secret as a whole, which hides the plain ones
 * beside it. No sentence holds a value.
 *
 * @param config - `config:` of the file, as YAML reads it, with `{secure: …}` for what is encrypted
 */
export function plainSecretIssues(config: Readonly<Record<string, unknown>>): Refusal[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const own = ownKey(key);
    if (own === undefined) return ofProvider(key, value);
    switch (own) {
      case "databasePassword":
        return isPlain(value) ? [ofValue(keyPath([own]), setPasswordCommand)] : [];
      case "secrets":
        return entriesOf(value)
          .filter(([, each]) => isPlain(each))
          .map(([name]) => ofValue(keyPath([own, name]), setSecretCommand(name)));
      case "migrationTarget":
        return entriesOf(value)
          .filter(([name, each]) => (name === "databaseUrl" || name === "guardUrl") && isPlain(each))
          .map(([name]) =>
            ofValue(keyPath([own, name]), name === "guardUrl" ? setGuardUrlCommand : setTargetUrlCommand),
          );
      case "prometheus":
        return entriesOf(value)
          .filter(([name, each]) => name === "bearerToken" && isPlain(each))
          .map(([name]) => ofValue(keyPath([own, name]), setPrometheusTokenCommand));
      default:
        return credentialsBelow([own], value);
    }
  });
}

/** A key without a namespace is one of this project's, as the engine reads it. */
function ownKey(key: string): string | undefined {
  if (key.startsWith(prefix)) return key.slice(prefix.length);
  return key.includes(":") ? undefined : key;
}

/** Config of a provider, such as `aws:secretKey`. */
function ofProvider(key: string, value: unknown): Refusal[] {
  const name = key.slice(key.lastIndexOf(":") + 1);
  return typeof value === "string" && isCredential(name, value)
    ? [ofValue(key, `pulumi config set --secret ${key}`)]
    : [];
}

/** What only a credential looks like, such as a token in a model's `env`. */
function credentialsBelow(path: readonly (string | number)[], value: unknown): Refusal[] {
  if (isEncrypted(value)) return [];
  if (typeof value === "string") {
    if (!holdsCredential(value)) return [];
    const change = `remove it from the file, store it with \`${setSecretCommand()}\`, and name it under secrets: of the truss`;
    return [refusal("secret.in-the-clear", keyPath(path), { what: "a credential", change })];
  }
  if (Array.isArray(value)) return value.flatMap((each, index) => credentialsBelow([...path, index], each));
  return entriesOf(value).flatMap(([key, each]) => credentialsBelow([...path, key], each));
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isEncrypted(value)
    ? Object.entries(value)
    : [];
}

/** Written out and not empty: that it is of the wrong kind, or missing, others say. */
function isPlain(value: unknown): boolean {
  return !isEncrypted(value) && value !== null && value !== undefined && value !== "";
}

function ofValue(key: string, command: string): Refusal {
  return refusal("secret.in-the-clear", key, {
    what: "its value",
    change: `remove it from the file, and set it with \`${command}\``,
  });
}
