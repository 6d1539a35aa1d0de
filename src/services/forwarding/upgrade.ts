import { type IncomingMessage, request as requestHttp, type Server, ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { urlToHttpOptions } from "node:url";
import { failureOf } from "../../adapters/predictions/predictorFailure.ts";
import type { ForwardingFailure } from "../../domain/recording/prediction.ts";
import { forwardedHeaders, returnedHeaders } from "./headers.ts";

/** A connection that a client wants to speak WebSocket on (RFC 6455), and what it has sent of that already. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Of a connection that is silent, until the kernel asks whether the other side is there. In milliseconds. */
const keepAliveMs = 60_000;

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** What a request wants to be more than one; undefined for all that are answered as usual. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/** Of other upgrades, such as h2c, servers go on with HTTP/1.1 (RFC 9110, 7.8): for `shouldUpgradeCallback` of a server. */
export function isWebSocket({ method, headers }: Pick<IncomingMessage, "method" | "headers">): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Brings upgrades to the server's own listener of requests, which answers them or passes them on by {@link passUpgrade}. */
export function acceptUpgrades(server: Server): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrades.set(request, { socket, head });
    // A client that resets its connection has no other listener.
    socket.on("error", () => socket.destroy());
    const response = new ServerResponse(request);
    response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
    response.shouldKeepAlive = false;
    response.once("finish", () => socket.end());
    server.emit("request", request, response);
  });
}

export interface UpgradeOptions {
  /** Such as `http://iris-v1-predictor.models.svc.cluster.local:80`. */
  readonly origin: string;
  /** With the query. @default the request's own */
  readonly path?: string;
  /** Request headers, in lower case, that do not go on, besides those of a connection. @default none */
  readonly withheld?: ReadonlySet<string>;
  /** Headers that go on besides the request's own, names and values in turn. @default none */
  readonly added?: readonly string[];
  /** Until the server answers, in milliseconds. Nothing limits what comes then. */
  readonly timeoutMs: number;
  /** Told once why the server did not answer; nothing was answered to the client. */
  readonly onFailure: (failure: Exclude<ForwardingFailure, "client_gone">, error: Error) => void;
  /** Called once, when both connections are closed. @default nobody is told */
  readonly onEnd?: () => void;
}

/**
 * Passes a WebSocket on: the handshake with its headers, then all bytes both ways with back-pressure, until one side closes. Where the
 * server refuses the handshake, the client gets its answer as it is.
 */
export function passUpgrade(
  request: IncomingMessage,
  response: ServerResponse,
  { socket, head }: Upgrade,
  options: UpgradeOptions,
): void {
  const { origin, path = request.url ?? "/", withheld, added = [], timeoutMs, onFailure, onEnd = () => {} } = options;
  const send = origin.startsWith("https:") ? requestHttps : requestHttp;
  const outgoing = send({
    ...urlToHttpOptions(new URL(origin)),
    // As it was sent: a URL of the whole would resolve dots.
    path,
    method: "GET",
    agent: false,
    headers: [
      ...["host", new URL(origin).host, "connection", "Upgrade", "upgrade", "websocket"],
      ...forwardedHeaders(request, withheld),
      ...added,
    ],
  });
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    outgoing.destroy();
    onEnd();
  };
  const fail = (error: Error): void => {
    if (over) return;
    onFailure(failureOf(error), error);
    end();
  };
  const late = Object.assign(new Error("no answer to the handshake"), { name: "TimeoutError" });
  const timer = setTimeout(() => fail(late), timeoutMs);
  socket.once("close", end);
  outgoing.once("error", fail);
  outgoing.once("response", (answer) => {
    clearTimeout(timer);
    response.writeHead(
      answer.statusCode ?? 502,
      answer.statusMessage ?? "",
      returnedHeaders(answer.rawHeaders, withheld),
    );
    answer.pipe(response);
    answer.once("error", () => socket.destroy());
  });
  outgoing.once("upgrade", (answer: IncomingMessage, server: Duplex, first: Buffer) => {
    clearTimeout(timer);
    // Nothing else notices a side that is gone without a word: neither has to say anything.
    for (const side of [socket, server]) if (side instanceof Socket) side.setKeepAlive(true, keepAliveMs);
    // Before it is piped, a side that fails would throw.
    server.on("error", () => socket.destroy());
    server.once("close", () => socket.destroy());
    socket.once("close", () => server.destroy());
    response.writeHead(101, answer.statusMessage ?? "", [
      ...["connection", "Upgrade", "upgrade", "websocket"],
      ...returnedHeaders(answer.rawHeaders, withheld),
    ]);
    response.flushHeaders();
    if (first.length > 0) socket.write(first);
    if (head.length > 0) server.write(head);
    server.pipe(socket);
    socket.pipe(server);
  });
  outgoing.end();
}
