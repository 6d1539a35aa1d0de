import type { IncomingMessage } from "node:http";

/** Scheme and host by which a request came, such as `https://api.example.com`: what clients reach the service by. */
export function originOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const scheme = headers["x-forwarded-proto"] === "https" ? "https" : "http";
  const host = headers.host ?? "localhost";
  return `${scheme}://${/^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(host) ? host : "localhost"}`;
}
