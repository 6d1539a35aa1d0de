import { chmod, mkdir, rm } from "node:fs/promises";
import { connect, createServer, type LookupFunction, type NetConnectOpts, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { messageOf } from "../../domain/errors.ts";
import { refuse } from "../refusals.ts";
import { reset, splice } from "./splice.ts";

/** One running half of a relay. Path-based unix sockets cross network namespaces, which TCP cannot. */
export interface Relay {
  /** TCP port: the one taken for {@link relayTcpToUnix}, the one connected to for {@link relayUnixToTcp}. */
  readonly port: number;
  /** Stops listening and cuts open connections. */
  close(): Promise<void>;
}

/**
 * Listens on `host:port` (0 takes a free port) and joins each connection to the unix socket. When the other side refuses,
 * the client's connection is reset at once. Throws an OperatorError when the port is taken or not allowed.
 */
export async function relayTcpToUnix(options: {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
}): Promise<Relay> {
  const { host, port, socketPath } = options;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  const close = serve(server, { path: socketPath }, true);
  try {
    await listening(server, { host, port });
  } catch (error) {
    throw bindError(error, host, port);
  }
  const taken = server.address();
  return { port: typeof taken === "object" && taken ? taken.port : port, close };
}

/**
 * Listens on the unix socket (mode 0600; a file left by an earlier process is replaced) and joins each connection to
 * `host:port`. A `host` that is a name is resolved for every connection, with `lookup` if given.
 */
export async function relayUnixToTcp(options: {
  readonly socketPath: string;
  readonly host: string;
  readonly port: number;
  readonly lookup?: LookupFunction;
}): Promise<Relay> {
  const { socketPath, host, port, lookup } = options;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const close = serve(server, { host, port, noDelay: true, ...(lookup ? { lookup } : {}) }, false);
  await listenOnSocket(server, socketPath);
  return { port, close };
}

/** Listens on a unix socket that only this user may open, replacing a stale file; makes the folder with mode 0700. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  await listening(server, { path });
  await chmod(path, 0o600);
}

function listening(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      // Out of file descriptors, for instance: the connection is lost, the server goes on.
      server.on("error", () => {});
      resolve();
    });
  });
}

function serve(server: Server, target: NetConnectOpts, resetIfSilent: boolean): () => Promise<void> {
  const connections = new Set<Socket>();
  server.on("connection", (client) => {
    connections.add(client);
    client.once("close", () => connections.delete(client));
    const upstream = connect({ ...target, allowHalfOpen: true });
    const refused = (): void => reset(client);
    const abandon = (): void => {
      upstream.destroy();
    };
    upstream.once("error", refused);
    client.once("error", abandon);
    client.once("close", abandon);
    upstream.once("connect", () => {
      upstream.off("error", refused);
      client.off("error", abandon);
      client.off("close", abandon);
      // The far half accepts before it knows whether its own target does, so a refusal arrives as an end without a byte.
      if (resetIfSilent) upstream.prependOnceListener("end", () => upstream.bytesRead === 0 && reset(client));
      splice(client, upstream);
    });
  });
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of connections) reset(connection);
    await closed;
  };
}

function bindError(error: unknown, host: string, port: number): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    return refuse("port.taken", { port, host }, error);
  }
  if (code === "EACCES") {
    return refuse("port.not-allowed", { port, host }, error);
  }
  return refuse("port.cannot-listen", { host, port, reason: messageOf(error) }, error);
}
