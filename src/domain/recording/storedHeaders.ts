import { nameSays } from "../credentials/names.ts";
import { holdsCredential } from "../credentials/values.ts";

/** Headers that tell something about a prediction and nothing about who made it. */
export const alwaysStored = ["accept", "content-encoding", "content-type", "traceparent", "user-agent"] as const;

/** Headers that carry secrets though their names do not say so. */
const neverStored: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
  "x-api-key",
  "x-amz-security-token",
  "x-auth-token",
  "x-csrf-token",
  "x-forwarded-client-cert",
]);

/** Whether a header carries a secret: it is never stored, whatever the settings say. `name` is in lower case. */
export function carriesSecret(name: string): boolean {
  return neverStored.has(name) || nameSays(name) === "credential" || nameSays(name) === "password";
}

/** The allowed headers of a request as a JSON object. `headers` has lower-case names. */
export function storedHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  allowed: readonly string[],
): string {
  const kept: Record<string, string | readonly string[]> = {};
  for (const name of allowed) {
    const value = headers[name];
    if (value === undefined) continue;
    // A client may put a token where nobody looks for one.
    kept[name] = [value].flat().some(holdsCredential) ? "…" : value;
  }
  return JSON.stringify(kept);
}
