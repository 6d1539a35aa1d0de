import type { IncomingMessage } from "node:http";

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
 * What goes on to the predictor, names and values in turn: all but `host`, which is the predictor's own, and headers of the
 * connection; with `requestId` where the request has none.
 */
export function forwardedHeaders(incoming: IncomingMessage, requestId: string | undefined): string[] {
  const { rawHeaders, headers } = incoming;
  const result = endToEnd(rawHeaders, headers.connection, "host");
  if (requestId !== undefined) result.push("x-request-id", requestId);
  return result;
}

/** What goes back of the predictor's headers, which come as bytes. */
export function returnedHeaders(raw: readonly (Buffer | string)[]): string[] {
  const flat = raw.map((each) => (typeof each === "string" ? each : each.toString("latin1")));
  let connection: string | undefined;
  for (let index = 0; index < flat.length; index += 2) {
    if (flat[index]?.toLowerCase() === "connection") connection = flat[index + 1];
  }
  return endToEnd(flat, connection);
}

/** The value of a header, several with commas between them; undefined where there is none. `name` is in lower case. */
export function headerValue(name: string, flat: readonly string[]): string | undefined {
  const values: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    if (flat[index]?.toLowerCase() === name) values.push(flat[index + 1] as string);
  }
  return values.length === 0 ? undefined : values.join(", ");
}

function endToEnd(flat: readonly string[], connection: string | undefined, besides?: string): string[] {
  const named =
    connection === undefined || connection === "keep-alive" || connection === "close"
      ? undefined
      : new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  const result: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string;
    const lower = name.toLowerCase();
    if (lower === besides || perHop.has(lower) || named?.has(lower)) continue;
    result.push(name, flat[index + 1] as string);
  }
  return result;
}
