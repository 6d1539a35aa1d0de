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

const none: ReadonlySet<string> = new Set();
const connectionName = "connection";

/**
 * What goes on of a request, names and values in turn: all but `host`, which is the other server's own, headers of the connection, and
 * those that are `withheld`; their names are in lower case.
 */
export function forwardedHeaders({ rawHeaders, headers }: IncomingMessage, withheld = none): string[] {
  return endToEnd(rawHeaders, headers.connection, withheld, "host");
}

/** What goes back of an answer's headers, which come as bytes. */
export function returnedHeaders(raw: readonly (Buffer | string)[], withheld = none): string[] {
  const flat: string[] = [];
  let connection: string | undefined;
  for (let index = 0; index < raw.length; index += 1) {
    const each = raw[index] as Buffer | string;
    const text = typeof each === "string" ? each : each.toString("latin1");
    flat.push(text);
    if (index % 2 === 0 && text.length === connectionName.length && text.toLowerCase() === connectionName)
      connection = raw[index + 1]?.toString();
  }
  return endToEnd(flat, connection, withheld);
}

/** The value of a header, several with commas between them; undefined where there is none. `name` is in lower case. */
export function headerValue(name: string, flat: readonly string[]): string | undefined {
  const values: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const given = flat[index] as string;
    if (given.length === name.length && given.toLowerCase() === name) values.push(flat[index + 1] as string);
  }
  return values.length === 0 ? undefined : values.join(", ");
}

function endToEnd(
  flat: readonly string[],
  connection: string | undefined,
  withheld: ReadonlySet<string>,
  besides?: string,
): string[] {
  const named =
    connection === undefined || connection === "keep-alive" || connection === "close"
      ? undefined
      : new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  const result: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string;
    const lower = name.toLowerCase();
    if (lower === besides || perHop.has(lower) || withheld.has(lower) || named?.has(lower)) continue;
    result.push(name, flat[index + 1] as string);
  }
  return result;
}
