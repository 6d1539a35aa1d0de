import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { HttpMethod, type KubeConfig, RequestContext } from "@kubernetes/client-node";
import { type Dispatcher, request } from "undici";
import { containerPort } from "../../../domain/serving/servedModel.ts";
import { listenOnSocket } from "../../network/relay.ts";

/** Headers that are about one connection, and what the API server must not take for its own. */
const notForwarded = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "host",
  "authorization",
  "content-length",
  "expect",
]);

/** A unix socket at which a pod of a cluster takes HTTP, through the API server's proxy. */
export async function openProxySocket(
  socketPath: string,
  pod: { readonly config: KubeConfig; readonly namespace: string; readonly name: string },
): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    // A connection that breaks says what a model says that does not answer.
    forward(incoming, outgoing, pod).catch(() => incoming.socket.destroy());
  });
  server.requestTimeout = 0;
  await listenOnSocket(server, socketPath);
  return server;
}

async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { config, namespace, name }: { readonly config: KubeConfig; readonly namespace: string; readonly name: string },
): Promise<void> {
  const { url = "/", method = "GET", headers } = incoming;
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error("the kubeconfig has no current cluster");
  const target = `${cluster.server}/api/v1/namespaces/${namespace}/pods/${name}:${containerPort}/proxy${url}`;
  const context = new RequestContext(target, HttpMethod.GET);
  await config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher() as Dispatcher | undefined;
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const passed = Object.entries(headers).filter(([header]) => !notForwarded.has(header));
  const answer = await request(target, {
    method: method as Dispatcher.HttpMethod,
    headers: { ...(Object.fromEntries(passed) as Record<string, string | string[]>), ...context.getHeaders() },
    body: method === "GET" || method === "HEAD" ? null : incoming,
    signal: gone.signal,
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(dispatcher ? { dispatcher } : {}),
  });
  const { connection: _, "transfer-encoding": __, ...returned } = answer.headers;
  outgoing.writeHead(answer.statusCode, returned as Record<string, string | string[]>);
  for await (const piece of answer.body as AsyncIterable<Buffer>) outgoing.write(piece);
  outgoing.end();
}
