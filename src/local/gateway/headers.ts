import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { HeaderRules } from "./virtualService.ts";

/** Headers as Node's `rawHeaders`: names and values in turn. The form that is cheapest to read, change and write. */
export type FlatHeaders = string[];

/** Headers of one connection, not of the message (RFC 9110, 7.6.1), and `expect`, which each hop answers for itself. */
const perHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/**
 * What is sent on of a request's headers: all but `host` and those of the connection, and with `x-request-id` (kept or
 * made), `x-forwarded-for` (extended), `-proto` and `-host` (kept or made).
 */
export function forwardedHeaders(incoming: IncomingMessage): FlatHeaders {
  const { rawHeaders, headers, socket } = incoming;
  const named = namedByConnection(headers.connection);
  const result: FlatHeaders = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const lower = name.toLowerCase();
    if (lower === "host" || lower === "x-forwarded-for" || perHop.has(lower) || named?.has(lower)) continue;
    result.push(name, rawHeaders[index + 1] as string);
  }
  // Requests over the unix socket come from the host.
  const from = socket.remoteAddress?.replace(/^::ffff:/, "") ?? "127.0.0.1";
  const before = headers["x-forwarded-for"];
  result.push("x-forwarded-for", before ? `${String(before)}, ${from}` : from);
  if (!headers["x-forwarded-proto"]) result.push("x-forwarded-proto", "http");
  if (!headers["x-forwarded-host"] && headers.host) result.push("x-forwarded-host", headers.host);
  if (!headers["x-request-id"]) result.push("x-request-id", randomUUID());
  return result;
}

/** What is passed back of a response's headers, which come as bytes or text. */
export function returnedHeaders(raw: readonly (Buffer | string)[]): FlatHeaders {
  const result: FlatHeaders = [];
  let named: Set<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = text(raw[index]);
    const lower = name.toLowerCase();
    if (lower === "connection") named = namedByConnection(text(raw[index + 1]));
    if (perHop.has(lower)) continue;
    result.push(name, text(raw[index + 1]));
  }
  return named ? without(result, named) : result;
}

/**
 * Applies rules in place of Envoy's: of each, first what is removed, then what is set, then what is added; the more
 * specific rules come last and win. Answers the headers and the new `Host`, if a rule names one.
 */
export function applyHeaderRules(
  headers: FlatHeaders,
  side: "request" | "response",
  ...rules: readonly (HeaderRules | undefined)[]
): { headers: FlatHeaders; authority?: string } {
  let result = headers;
  let authority: string | undefined;
  for (const rule of rules) {
    const operations = rule?.[side];
    if (!operations) continue;
    const set = Object.entries(operations.set ?? {});
    const gone = [...(operations.remove ?? []), ...set.map(([name]) => name)].map((name) => name.toLowerCase());
    result = without(result, new Set(gone));
    for (const [name, value] of [...set, ...Object.entries(operations.add ?? {})]) {
      if (side === "request" && isAuthority(name)) authority = value;
      else result.push(name, value);
    }
  }
  return authority === undefined ? { headers: result } : { headers: result, authority };
}

function isAuthority(name: string): boolean {
  return /^(host|:authority)$/i.test(name);
}

function without(headers: FlatHeaders, names: ReadonlySet<string>): FlatHeaders {
  if (names.size === 0) return headers;
  const result: FlatHeaders = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (!names.has(name.toLowerCase())) result.push(name, headers[index + 1] as string);
  }
  return result;
}

function namedByConnection(value: string | undefined): Set<string> | undefined {
  if (!value || value === "keep-alive" || value === "close") return undefined;
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

function text(value: Buffer | string | undefined): string {
  // Header bytes are Latin-1 on both sides of Node's HTTP.
  return typeof value === "string" ? value : (value?.toString("latin1") ?? "");
}
