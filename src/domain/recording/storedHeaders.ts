/** Headers that tell something about a prediction and nothing about who made it. */
export const alwaysStored = ["accept", "content-encoding", "content-type", "traceparent", "user-agent"] as const;

/** Headers that carry secrets: they are never stored, whatever the settings say. */
export const neverStored: ReadonlySet<string> = new Set([
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

/** The allowed headers of a request as a JSON object. `headers` has lower-case names. */
export function storedHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  allowed: readonly string[],
): string {
  const kept: Record<string, string | readonly string[]> = {};
  for (const name of allowed) {
    const value = headers[name];
    if (value !== undefined) kept[name] = value;
  }
  return JSON.stringify(kept);
}
