import type { IncomingMessage } from "node:http";

const name = "menagerie_console";
const idPattern = /^[A-Za-z0-9_-]{43}$/;

/** The session's id that a request carries; undefined where it carries none. */
export function sessionIn(request: IncomingMessage): string | undefined {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value !== undefined && idPattern.test(value)) return value;
  }
  return undefined;
}

/** The header that gives a browser its session, or (undefined) takes it. */
export function sessionCookie(id: string | undefined, isSecure: boolean): string {
  const life = id === undefined ? "; Max-Age=0" : "";
  return `${name}=${id ?? ""}; Path=/; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}${life}`;
}
