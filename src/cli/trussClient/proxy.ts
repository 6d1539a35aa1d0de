import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { Exchange } from "../../services/forwarding/exchange.ts";

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
    relay({ agent, target, asked, onExchange: told }, request, response);
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

function relay(
  { agent, target, asked, onExchange }: Relaying,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [question, answer]: [Buffer[], Buffer[]] = [[], []];
  new Exchange(request, response, {
    dispatcher: agent,
    origin: target,
    // As it was sent: a signature is over it.
    path: (request.url ?? "").slice(asked.origin.length) || "/",
    added: ["host", asked.host],
    observer: onExchange && {
      onRequestData: (chunk) => void question.push(chunk),
      onResponseData: (chunk) => void answer.push(chunk),
    },
    onFailure: () => {
      if (response.headersSent) return;
      response.writeHead(502, { "content-type": "text/plain" }).end("the API service does not answer\n");
    },
    onEnd: ({ failure }) => {
      if (failure === null)
        onExchange?.(Buffer.concat(question).toString("utf8"), Buffer.concat(answer).toString("utf8"));
    },
  }).start();
}

async function close(server: Server, agent: Agent): Promise<void> {
  server.closeAllConnections();
  server.close();
  await agent.destroy();
}
