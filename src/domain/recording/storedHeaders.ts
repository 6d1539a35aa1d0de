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

/**
 * The allowed headers of a request as a JSON object. `headers` has lower-case names.
 *
 * @param told - what the gateway told of it, under names of its own. Default: nothing
 */
export function storedHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  allowed: readonly string[],
  told: Readonly<Record<string, string>> = {},
): string {
  const kept: Record<string, string | readonly string[]> = {};
  for (const name of allowed) {
    const value = headers[name];
    if (value === undefined) continue;
    // A client may put a token where nobody looks for one.
    const isSecret = typeof value === "string" ? holdsSecret(value) : value.some(holdsSecret);
    kept[name] = isSecret ? "…" : value;
  }
  return JSON.stringify({ ...kept, ...told });
}

/** Values without a credential in them that came lately: a model's clients are few kinds of programs, and send the same ones with every request. */
const harmless = new Set<string>();
const [mostHarmless, longestHarmless] = [1_000, 512];
/** https://www.w3.org/TR/trace-context, which is another one for every request. */
const traceParent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

function holdsSecret(value: string): boolean {
  if (harmless.has(value) || traceParent.test(value)) return false;
  if (holdsCredential(value)) return true;
  if (harmless.size >= mostHarmless) harmless.clear();
  if (value.length <= longestHarmless) harmless.add(value);
  return false;
}
