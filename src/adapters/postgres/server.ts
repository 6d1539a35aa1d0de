import pg from "pg";
import * as z from "zod";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { type SslMode, sslModes } from "../../domain/platformDatabase.ts";
import type { Clause } from "../../domain/refusals/clause.ts";
import { refusal, refuse } from "./refusals.ts";

/** How a PostgreSQL server is reached. */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string | undefined;
  readonly sslMode: SslMode;
  /** Database for what concerns the server as a whole, such as roles. */
  readonly maintenanceDatabase: string;
}

/** Until the server answers, in milliseconds: on a busy machine a process that loads its modules may not listen for seconds. */
const connectWithin = 15_000;

const noHost = "no-host.invalid";
const scheme = /^postgres(ql)?:$/;
const port = z.coerce.number().int().min(1).max(65_535);

/**
 * A server from `postgresql://user:password@host:port/database?sslmode=…`; port 5432, database `postgres` and sslmode
 * `verify-full` where left out. `variable` is where the url came from, for the sentence about a wrong one. The
 * sentence never holds the url itself, which carries a password.
 */
export function serverFromUrl(url: string, variable: string): DatabaseServer {
  const wrong = (reason: string) => refuse("database.url-wrong", { variable, reason });
  // A url of the web has a host where it has a user; that of libpq may have `host=` alone.
  const parsed = URL.parse(url) ?? URL.parse(url.replace(/^([^/?#]*\/\/[^/?#]*@)(?=[:/?#]|$)/, `$1${noHost}`));
  if (!parsed || !scheme.test(parsed.protocol)) throw wrong("is not a PostgreSQL url");
  // As libpq has it, a directory is that of a socket; a url can have it as a parameter only, or encoded.
  const hostname = (parsed.hostname === noHost ? "" : parsed.hostname) || parsed.searchParams.get("host") || "";
  if (!hostname || !parsed.username) throw wrong("lacks a host or a user");
  const sslMode = z.enum(sslModes).safeParse(parsed.searchParams.get("sslmode") ?? "verify-full");
  if (!sslMode.success) throw wrong(`sslmode is not one of ${sslModes.join(", ")}`);
  return {
    host: decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1"),
    port: port.parse(parsed.port || parsed.searchParams.get("port") || 5432),
    user: decodeURIComponent(parsed.username),
    password: parsed.password === "" ? undefined : decodeURIComponent(parsed.password),
    sslMode: sslMode.data,
    maintenanceDatabase: decodeURIComponent(parsed.pathname.slice(1)) || "postgres",
  };
}

/** The url of one database of the server; the inverse of {@link serverFromUrl}. */
export function urlOf(server: DatabaseServer, database: string): string {
  const password = server.password === undefined ? "" : `:${encodeURIComponent(server.password)}`;
  const { host: given } = server;
  const host = given.includes(":") ? `[${given}]` : given.startsWith("/") ? encodeURIComponent(given) : given;
  return (
    `postgresql://${encodeURIComponent(server.user)}${password}@${host}:${server.port}` +
    `/${encodeURIComponent(database)}?sslmode=${server.sslMode}`
  );
}

/** What `pg` connects with. */
export function clientConfig(server: DatabaseServer, database: string): pg.ClientConfig {
  return {
    host: server.host,
    port: server.port,
    user: server.user,
    ...(server.password === undefined ? {} : { password: server.password }),
    database,
    // Sockets of one machine have no TLS, whatever the mode is.
    ssl:
      server.sslMode === "disable" || server.host.startsWith("/")
        ? false
        : { rejectUnauthorized: server.sslMode === "verify-full" },
    connectionTimeoutMillis: connectWithin,
    application_name: "menagerie",
  };
}

/** Thrown when no connection comes about; `absent` when the server answered that it has no such database. */
export class DatabaseUnreachable extends OperatorError {
  readonly absent: boolean;

  constructor(server: DatabaseServer, database: string, cause: unknown) {
    const { host, port, user } = server;
    super(refusal("database.no-connection", null, { host, port, database, user, ...reason(server, cause) }), {
      cause,
    });
    this.absent = sqlState(cause) === "3D000";
  }
}

/** Connects, runs `work`, and closes. Throws {@link DatabaseUnreachable} when there is no connection. */
export async function withClient<T>(
  server: DatabaseServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(clientConfig(server, database));
  // A connection that breaks in between fails the query under way; without a listener it would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw new DatabaseUnreachable(server, database, error);
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** SQLSTATE of an error that PostgreSQL answered (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Codes of Node.js and OpenSSL for certificates that are not trusted. */
const untrusted =
  /^(?:(?:DEPTH_ZERO_|)SELF_SIGNED_CERT|UNABLE_TO_(?:VERIFY|GET)|CERT_(?!HAS_EXPIRED)|INVALID_CA|HOSTNAME_MISMATCH)/;

/**
 * What is wrong with the way to a server that answers, and what to change; undefined for errors that
 * time may mend. No TLS where it is asked for, or the other way round; certificates; passwords, roles and databases.
 */
export function connectionIssue(error: unknown, { sslMode }: Pick<DatabaseServer, "sslMode">): Clause | undefined {
  const { code = "", message = "" } = error as NodeJS.ErrnoException;
  const state = sqlState(error) ?? "";
  if (state.startsWith("28") && /no encryption|SSL off/.test(message)) {
    return {
      problem: `it lets nobody in from here without TLS (pg_hba.conf), and sslmode is ${sslMode}`,
      fix: "say sslmode=require or verify-full",
    };
  }
  if (state.startsWith("28") && message.includes("pg_hba.conf")) {
    return { problem: "it does not let this user in from this address", fix: "add an entry to its pg_hba.conf" };
  }
  if (state.startsWith("28")) return { problem: "refused: wrong user or password", fix: "check the password" };
  if (state === "3D000") return { problem: "there is no such database", fix: "" };
  if (/does not support SSL/.test(message)) {
    return {
      problem: `it has no TLS, and sslmode is ${sslMode}`,
      fix: "turn TLS on at the server, or say sslmode=disable",
    };
  }
  if (code === "CERT_HAS_EXPIRED") return { problem: "its certificate has expired", fix: "renew it" };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return { problem: "its certificate is for another host name", fix: "use that name, or say sslmode=require" };
  }
  if (untrusted.test(code)) {
    return {
      problem: `its certificate is not trusted (${code})`,
      fix: "give its authority by NODE_EXTRA_CA_CERTS, or say sslmode=require",
    };
  }
  if (/client password must be a string/.test(message)) {
    return { problem: "it asks for a password, and the url has none", fix: "add it" };
  }
  return undefined;
}

/** Whether an error says that the server cannot be worked with now: no connection, a broken one, or one that ends. */
export function isDatabaseDown(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith("57P") || state.startsWith("08") || state === "53300";
  const isBroken =
    error instanceof Error &&
    /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout)/.test(
      error.message,
    );
  return isBroken || ["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException)?.code ?? "");
}

function reason(server: DatabaseServer, cause: unknown): Clause {
  const issue = connectionIssue(cause, server);
  if (issue !== undefined) return issue;
  const code = (cause as NodeJS.ErrnoException).code;
  if (server.host.startsWith("/")) {
    return {
      problem: `cannot connect by a socket in ${server.host} (${code ?? messageOf(cause)})`,
      fix: "give the directory and the port that the server listens at (its unix_socket_directories), or HOST:PORT of its TCP address",
    };
  }
  return {
    problem: `cannot connect (${code === undefined || sqlState(cause) ? messageOf(cause) : code})`,
    fix: "start it or correct the address",
  };
}
