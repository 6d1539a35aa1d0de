import type { IncomingMessage } from "node:http";
import type { SessionProof } from "../../domain/console/ports.ts";

const idPattern = /^[A-Za-z0-9_-]{43}$/;

/** Whether a browser reached the console by HTTPS, as the proxy before it says. */
export function isSecure({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["x-forwarded-proto"] === "https";
}

/**
 * Name of the session's cookie. Browsers send a cookie to every port of its host, so consoles on several ports of one machine have one each;
 * `__Host-` keeps other hosts of a domain from setting it, which needs HTTPS.
 */
export function cookieName(request: Pick<IncomingMessage, "headers">): string {
  const port = /:(\d+)$/.exec(request.headers.host ?? "")?.[1];
  return `${isSecure(request) ? "__Host-" : ""}menagerie_console${port === undefined ? "" : `_${port}`}`;
}

/** What a request shows of a session; undefined where it shows nothing. */
export function sessionIn(request: Pick<IncomingMessage, "headers">): SessionProof | undefined {
  const name = cookieName(request);
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value !== undefined && idPattern.test(value)) return { id: value, browser: browserOf(request) };
  }
  return undefined;
}

/** The name that a browser gives itself, which it sends with everything that it asks. */
export function browserOf({ headers }: Pick<IncomingMessage, "headers">): string {
  return headers["user-agent"] ?? "";
}

/** The header that gives a browser its session, or (undefined) takes it. */
export function sessionCookie(id: string | undefined, request: Pick<IncomingMessage, "headers">): string {
  const life = id === undefined ? "; Max-Age=0" : "";
  return `${cookieName(request)}=${id ?? ""}; Path=/; HttpOnly; SameSite=Strict${isSecure(request) ? "; Secure" : ""}${life}`;
}
