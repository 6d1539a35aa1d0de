import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf } from "../../domain/errors.ts";
import { type EgressPolicyOptions, EgressRefused, egressAddress } from "./egressPolicy.ts";
import { type HostProxy, hostProxyFor } from "./hostProxy.ts";
import { listenOnSocket } from "./relay.ts";
import { reset, splice } from "./splice.ts";

export interface EgressProxyOptions extends EgressPolicyOptions {
  readonly socketPath: string;
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Milliseconds to establish a connection, resolution included. */
const connectTimeout = 15_000;
const hopByHop = ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"];

/**
 * The host's end of the pods' way out: an HTTP proxy (CONNECT and absolute-form) on a unix socket. It resolves names
 * itself and refuses internal addresses, so that a pod cannot reach services of the host or its network; through the
 * host's own proxy, if it has one. Pods find it at 10.88.0.1:3128.
 */
export async function startEgressProxy(options: EgressProxyOptions): Promise<{ close(): Promise<void> }> {
  const { socketPath, env = process.env } = options;
  const server = createServer((incoming, response) => {
    forward(incoming, response, options, env).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else answerPlain(response, statusOf(error), sentenceOf(error));
    });
  });
  const tunnels = new Set<Duplex>();
  server.on("connect", (incoming, client: Duplex, head: Buffer) => {
    tunnels.add(client);
    client.once("close", () => tunnels.delete(client));
    client.on("error", () => {});
    tunnel(incoming.url ?? "", client, head, options, env).catch((error: unknown) => {
      const text = `${sentenceOf(error)}\n`;
      client.end(
        `HTTP/1.1 ${statusOf(error)} ${statusOf(error) === 403 ? "Forbidden" : "Bad Gateway"}\r\n` +
          `content-type: text/plain\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
      );
    });
  });
  // An installation may pause for long; only the two ends know when it is over.
  server.requestTimeout = 0;
  await listenOnSocket(server, socketPath);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const client of tunnels) client.destroy();
      await closed;
    },
  };
}

async function tunnel(
  authority: string,
  client: Duplex,
  head: Buffer,
  policy: EgressPolicyOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const target = URL.parse(`http://${authority}`);
  if (!target || !/:\d+$/.test(authority)) throw new EgressRefused(`"${authority}" is not a host and port`);
  const port = Number(/:(\d+)$/.exec(authority)?.[1]);
  const proxy = hostProxyFor("https", target.hostname, env);
  const address = await checked(target.hostname, port, policy, proxy !== undefined);
  const upstream = proxy ? await tunnelThrough(proxy, authority) : await connected(address, port);
  if (client.destroyed) {
    upstream.destroy();
    return;
  }
  client.write("HTTP/1.1 200 Connection established\r\n\r\n");
  if (head.length > 0) upstream.write(head);
  if (client instanceof Socket) splice(client, upstream);
  else reset(upstream);
}

async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  policy: EgressPolicyOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const url = URL.parse(incoming.url ?? "");
  if (url?.protocol !== "http:") throw new EgressRefused(`"${incoming.url}" is not an absolute http:// address`);
  const proxy = hostProxyFor("http", url.hostname, env);
  const port = url.port === "" ? 80 : Number(url.port);
  const address = await checked(url.hostname, port, policy, proxy !== undefined);
  const headers: Record<string, string | string[]> = {};
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    if (values && !hopByHop.includes(name)) headers[name] = values;
  }
  headers.host = url.host;
  if (proxy?.authorization) headers["proxy-authorization"] = proxy.authorization;
  const outgoing = request({
    host: proxy?.host ?? address,
    port: proxy?.port ?? port,
    method: incoming.method,
    path: proxy ? url.href : url.pathname + url.search,
    headers,
    setHost: false,
    agent: false,
  });
  response.once("close", () => outgoing.destroy());
  await new Promise<void>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      answer.once("error", reject);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
      answer.pipe(response);
      answer.once("end", resolve);
    });
    incoming.pipe(outgoing);
  });
}

/**
 * The address to use for `host`. Behind a proxy of the host's own, names that only that proxy can resolve pass; those
 * that resolve here are held to the same rule.
 */
async function checked(host: string, port: number, policy: EgressPolicyOptions, proxied: boolean): Promise<string> {
  try {
    return await egressAddress(host, port, policy);
  } catch (error) {
    if (proxied && !(error instanceof EgressRefused)) return host;
    throw error;
  }
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer from ${host}:${port}`)), connectTimeout);
    socket.once("error", reject);
    socket.once("close", () => clearTimeout(timer));
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function tunnelThrough(proxy: HostProxy, authority: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: proxy.host,
      port: proxy.port,
      method: "CONNECT",
      path: authority,
      headers: { host: authority, ...(proxy.authorization ? { "proxy-authorization": proxy.authorization } : {}) },
      agent: false,
      timeout: connectTimeout,
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`the host's proxy did not answer for ${authority}`)));
    outgoing.once("error", reject);
    outgoing.once("connect", (answer, socket: Socket, head: Buffer) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        reject(new Error(`the host's proxy answered ${answer.statusCode} for ${authority}`));
        return;
      }
      socket.setTimeout(0);
      socket.allowHalfOpen = true;
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.end();
  });
}

function statusOf(error: unknown): 403 | 502 {
  return error instanceof EgressRefused ? 403 : 502;
}

function sentenceOf(error: unknown): string {
  return error instanceof EgressRefused ? error.message : `the egress proxy could not connect: ${messageOf(error)}`;
}

function answerPlain(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { "content-type": "text/plain", connection: "close" });
  response.end(`${sentence}\n`);
}
