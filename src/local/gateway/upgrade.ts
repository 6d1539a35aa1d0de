import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { messageOf } from "../../domain/errors.ts";
import type { ClusterResolver } from "../network/clusterResolver.ts";
import { splice } from "../network/splice.ts";
import type { FlatHeaders } from "./headers.ts";
import type { Upstream } from "./routeAction.ts";

/**
 * Passes an upgrade (WebSocket) on: the request's head is sent to the upstream, and from then on bytes go both ways,
 * the upstream's answer included, to which response header rules therefore do not apply. Answers the status for the
 * metrics: 101 once joined, 503 when the upstream could not be reached.
 */
export async function forwardUpgrade(options: {
  readonly incoming: IncomingMessage;
  readonly client: Socket;
  /** What the client sent behind the head. */
  readonly head: Buffer;
  readonly upstream: Upstream;
  readonly path: string;
  /** With `host`, without `connection` and `upgrade`. */
  readonly headers: FlatHeaders;
  readonly resolver: ClusterResolver;
}): Promise<101 | 503> {
  const { incoming, client, head, upstream, path, headers, resolver } = options;
  let socket: Socket;
  try {
    socket = await connected(await resolver.resolve(upstream.host), upstream.port);
  } catch (error) {
    resolver.forget(upstream.host);
    refuseUpgrade(client, 503, `${upstream.host}:${upstream.port} cannot be reached: ${messageOf(error)}`);
    return 503;
  }
  if (client.destroyed) {
    socket.destroy();
    return 503;
  }
  const lines = [`${incoming.method} ${path} HTTP/1.1`];
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  lines.push("connection: Upgrade", `upgrade: ${incoming.headers.upgrade ?? "websocket"}`, "", "");
  socket.write(lines.join("\r\n"), "latin1");
  if (head.length > 0) socket.write(head);
  splice(client, socket);
  return 101;
}

/** Ends a connection that asked for an upgrade with a JSON error. */
export function refuseUpgrade(client: Socket, status: number, sentence: string): void {
  const body = JSON.stringify({ error: sentence });
  client.end(
    `HTTP/1.1 ${status} ${status === 404 ? "Not Found" : "Service Unavailable"}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, timeout: 5_000 });
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error("no answer within 5 s")));
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
