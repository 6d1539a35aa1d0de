import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * Whether a form was sent by a page of this console: the browser says so, by `Sec-Fetch-Site` or at least by `Origin`. What says neither is
 * refused, for every browser of today says one of them with a POST.
 */
export function isOwnForm({ headers }: Pick<IncomingMessage, "headers">): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin, host } = headers;
  return origin !== undefined && host !== undefined && URL.parse(origin)?.host === host;
}

/**
 * What each form of a session carries beside the cookie: whoever only makes a browser send the cookie cannot say it. It does not lead back to
 * the session's id, so a page that somebody keeps opens nothing.
 */
export function tokenOf(session: string): string {
  return createHash("sha256").update(`form of ${session}`).digest("base64url");
}

/** Compared in a time that does not depend on where they differ. */
export function isTokenOf(session: string, token: string): boolean {
  const [wanted, given] = [Buffer.from(tokenOf(session)), Buffer.from(token)];
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}
