/**
 * The header by which a gateway tells recorders that a request's side was drawn, or was kept by a cookie: the cookie's name, whatever the client sent
 * under this one. Models are not meant to see it.
 */
export const coinHeader = "x-menagerie-coin";

/** As of the ids that are stored. */
const longestId = 256;

/** Name of the cookie that keeps a user on one side. Another generation of the traffic has another one, so that it draws everybody anew. */
export function coinCookie(route: string, generation: number): string {
  return `menagerie-${route}-${generation}`;
}

/**
 * What a recorder stores of it, beside the request's headers: `drawn <generation>`, or `kept <generation> <id of the request that was drawn>`. The
 * cookie itself is not stored. Undefined where the gateway told nothing. A cookie that an earlier Menagerie set has no id, and one that is too long
 * to be stored counts as none.
 *
 * @param told - the gateway's header
 * @param cookies - the request's
 */
export function storedCoin(told: string | undefined, cookies: string | undefined): string | undefined {
  const generation = /^menagerie-[a-z0-9-]+-(\d{1,15})$/.exec(told ?? "")?.[1];
  if (told === undefined || generation === undefined) return undefined;
  const held = new RegExp(`(?:^|;)\\s*${told}=(?:old|new)(?:\\.([^;]*))?\\s*(?:;|$)`).exec(cookies ?? "");
  if (!held) return `drawn ${generation}`;
  const id = (held[1] ?? "").trim();
  return id === "" || id.length > longestId ? `kept ${generation}` : `kept ${generation} ${id}`;
}
