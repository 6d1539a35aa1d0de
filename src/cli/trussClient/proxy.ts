import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Agent } from "undici";

/** The one remote address for which the truss client (0.18.35) keeps its REST calls on the same host, and that host. */
export const clientRemote = "http://localhost:8000";
const clientHosts = new Set(["localhost:8000", "api.localhost:8000"]);

/** A proxy for one run of the client. */
export interface ClientProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Hosts that were asked for and refused, in order. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

/** A GraphQL exchange, once the client has its answer. */
export type OnExchange = (request: string, answer: string) => void;

/** Headers of one connection, not of the message. */
const ownHeaders = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "upgrade",
  "expect",
  "proxy-authorization",
]);

/**
 * An HTTP proxy on this machine through which the truss client reaches the API service at `target`, and nothing else: any
 * other host is refused, also by HTTPS, so neither the user's key nor their code leaves for one. The request's own Host
 * goes on, because uploads are signed with it.
 *
 * @param onExchange - told of every GraphQL exchange. @default nobody is
 */
export async function startClientProxy(target: string, onExchange?: OnExchange): Promise<ClientProxy> {
  const refused: string[] = [];
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connections: 64 });
  const server = createServer((request, response) => {
    const asked = URL.parse(request.url ?? "");
    if (asked?.protocol !== "http:" || !clientHosts.has(asked.host)) {
      refused.push(asked?.host ?? request.headers.host ?? "an unknown host");
      request.resume();
      response.writeHead(403, { "content-type": "text/plain" }).end("this host is not the API service\n");
      return;
    }
    const told = asked.pathname === "/graphql/" ? onExchange : undefined;
    relay({ agent, target, asked, onExchange: told }, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(502, { "content-type": "text/plain" });
      response.end("the API service does not answer\n");
    });
  });
  server.on("connect", (request, socket) => {
    refused.push(request.url ?? "an unknown host");
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    close: () => close(server, agent),
  };
}

interface Relaying {
  readonly agent: Agent;
  readonly target: string;
  readonly asked: URL;
  readonly onExchange: OnExchange | undefined;
}

async function relay(
  { agent, target, asked, onExchange }: Relaying,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const kept = hasBody && onExchange ? await buffer(request) : undefined;
  const answer = await agent.request({
    origin: target,
    // As it was sent: a signature is over it.
    path: (request.url ?? "").slice(asked.origin.length) || "/",
    method: request.method ?? "GET",
    headers: { ...endToEnd(request.headers), host: asked.host },
    signal: gone.signal,
    ...(hasBody ? { body: kept ?? request } : {}),
  });
  response.writeHead(answer.statusCode, endToEnd(answer.headers));
  if (!kept) return pipeline(answer.body, response);
  const answered = Buffer.from(await answer.body.arrayBuffer());
  response.end(answered);
  onExchange?.(kept.toString("utf8"), answered.toString("utf8"));
}

function endToEnd(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || ownHeaders.has(name) ? [] : [[name, value]],
    ),
  );
}

async function close(server: Server, agent: Agent): Promise<void> {
  server.closeAllConnections();
  server.close();
  await agent.destroy();
}
