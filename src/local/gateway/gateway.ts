import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Agent } from "undici";
import type { ClusterResolver } from "../network/clusterResolver.ts";
import { listenOnSocket } from "../network/relay.ts";
import { Exchange, type ForwardingContext } from "./forward.ts";
import { applyHeaderRules, type FlatHeaders, forwardedHeaders } from "./headers.ts";
import { createGatewayMetrics, type GatewayMetrics } from "./metrics.ts";
import { createMirror, type MirrorOptions } from "./mirror.ts";
import { copyBody, readBody } from "./requestBody.ts";
import type { RouteAction } from "./routeAction.ts";
import type { Target } from "./routeMatch.ts";
import { chooseDestination, type Decision, decide, type Route, type RouteTable } from "./routing.ts";
import { forwardUpgrade, refuseUpgrade } from "./upgrade.ts";

export interface GatewayOptions {
  readonly resolver: ClusterResolver;
  readonly log: (line: string) => void;
  /** Limits of mirroring. */
  readonly mirror?: Pick<MirrorOptions, "bodyLimit" | "maxInFlight" | "maxBytes" | "timeout">;
  /** 0 to 1, for weights and percentages. @default Math.random */
  readonly random?: () => number;
}

export interface Gateway {
  readonly metrics: GatewayMetrics;
  readonly inFlight: number;
  /** Takes a new table; requests that have a route keep it. */
  use(table: RouteTable): void;
  /** Answers the port taken. */
  listen(where: { readonly host: string; readonly port: number }): Promise<number>;
  listenOnSocket(path: string): Promise<void>;
  /** Takes no more requests and waits up to `grace` milliseconds for those in flight. @default 5000 */
  close(grace?: number): Promise<void>;
}

type Forward = Extract<RouteAction, { kind: "forward" }>;

/** HTTP/1.1 gateway that follows a routing table, in the place of Istio's. Requests get 503 until it has one. */
export function createGateway({ resolver, log, mirror: limits, random = Math.random }: GatewayOptions): Gateway {
  const metrics = createGatewayMetrics();
  const mirror = createMirror({ resolver, metrics, ...limits });
  // Without limits of its own: a prediction takes as long as its route allows. Idle connections go before uvicorn's 5 s.
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 5_000,
    keepAliveTimeout: 4_000,
    allowH2: false,
  });
  const servers: Server[] = [];
  const upgraded = new Set<Socket>();
  let table: RouteTable | undefined;
  let inFlight = 0;
  let draining = false;
  let drained = (): void => {};

  const context: ForwardingContext = {
    agent,
    resolver,
    fail(response, status, sentence) {
      log(`${status}: ${sentence}`);
      answerError(response, status, sentence);
    },
  };

  function handle(incoming: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const started = performance.now();
    inFlight += 1;
    if (draining) response.shouldKeepAlive = false;
    const decision = decideFor(incoming);
    const name = "route" in decision ? decision.route.name : "none";
    response.once("close", () => {
      inFlight -= 1;
      if (draining && inFlight === 0) drained();
      const code = response.headersSent ? response.statusCode : 499;
      metrics.request(name, code, (performance.now() - started) / 1_000);
    });
    if (!("route" in decision)) {
      answerError(response, decision.reason === "unlisted" ? 503 : 404, noRoute(decision.reason, incoming));
      return;
    }
    const { route, target } = decision;
    const { action } = route;
    if (action.kind === "forward") {
      if (awaitsContinue) response.writeContinue();
      forward(incoming, response, action, target);
    } else if (action.kind === "redirect") {
      const location = action.location(requestOf(incoming), target);
      response.writeHead(action.status, { location, "content-length": 0 }).end();
    } else {
      const own: FlatHeaders = ["content-type", "text/plain", "content-length", String(action.body.length)];
      response.writeHead(action.status, applyHeaderRules(own, "response", action.headers).headers).end(action.body);
    }
  }

  function forward(incoming: IncomingMessage, response: ServerResponse, action: Forward, target: Target): void {
    const { destination, path, headers } = outgoingOf(incoming, action, target);
    for (const to of action.mirrors) {
      if (to.percentage < 100 && random() * 100 >= to.percentage) continue;
      const request = { method: incoming.method ?? "GET", path, headers };
      if (incoming.headers["content-length"] === undefined && incoming.headers["transfer-encoding"] === undefined) {
        mirror.send(to, { ...request, body: null });
      } else {
        copyBody(incoming, mirror.bodyLimit, (body) =>
          body ? mirror.send(to, { ...request, body }) : mirror.drop(to),
        );
      }
    }
    readBody(incoming, (body) => {
      new Exchange(context, incoming, response, {
        upstream: destination,
        path,
        headers,
        body,
        rules: [action.headers, destination.headers],
        ...(action.timeout === undefined ? {} : { timeout: action.timeout }),
        connectAttempts: action.connectAttempts,
      }).start();
    });
  }

  function outgoingOf(incoming: IncomingMessage, action: Forward, target: Target) {
    const destination = chooseDestination(action.destinations, random);
    const ruled = applyHeaderRules(forwardedHeaders(incoming), "request", action.headers, destination.headers);
    const host = action.authority ?? ruled.authority ?? incoming.headers.host ?? destination.host;
    ruled.headers.push("host", host);
    const path = action.rewritePath ? action.rewritePath(target.path) + target.query : (incoming.url ?? "/");
    return { destination, path, headers: ruled.headers };
  }

  function decideFor(incoming: IncomingMessage): Decision | { readonly reason: "unlisted" } {
    return table ? decide(table, requestOf(incoming)) : { reason: "unlisted" };
  }

  function upgrade(incoming: IncomingMessage, client: Socket, head: Buffer): void {
    client.on("error", () => {});
    upgraded.add(client);
    client.once("close", () => upgraded.delete(client));
    const started = performance.now();
    const count = (route: Route | undefined, code: number): void =>
      metrics.request(route?.name ?? "none", code, (performance.now() - started) / 1_000);
    const decision = decideFor(incoming);
    if (!("route" in decision)) {
      const status = decision.reason === "unlisted" ? 503 : 404;
      refuseUpgrade(client, status, noRoute(decision.reason, incoming));
      count(undefined, status);
      return;
    }
    const { route, target } = decision;
    if (route.action.kind !== "forward") {
      refuseUpgrade(client, 404, `the route ${route.name} has no destination for an upgrade`);
      count(route, 404);
      return;
    }
    const { destination, path, headers } = outgoingOf(incoming, route.action, target);
    void forwardUpgrade({ incoming, client, head, upstream: destination, path, headers, resolver }).then((code) =>
      count(route, code),
    );
  }

  function createListener(): Server {
    const server = createServer({ noDelay: true, keepAliveTimeout: 75_000, requestTimeout: 0 });
    server.on("request", (incoming, response) => handle(incoming, response, false));
    server.on("checkContinue", (incoming, response) => handle(incoming, response, true));
    server.on("upgrade", (incoming, client, head) => upgrade(incoming, client as Socket, head));
    servers.push(server);
    return server;
  }

  return {
    metrics,
    get inFlight() {
      return inFlight;
    },
    use(next) {
      table = next;
    },
    async listen({ host, port }) {
      const server = createListener();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, resolve);
      });
      const taken = server.address();
      return typeof taken === "object" && taken ? taken.port : port;
    },
    listenOnSocket: (path) => listenOnSocket(createListener(), path),
    async close(grace = 5_000) {
      draining = true;
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      if (inFlight > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve;
          setTimeout(resolve, grace).unref();
        });
      }
      for (const client of upgraded) client.destroy();
      for (const server of servers) server.closeAllConnections();
      await Promise.all([...closed, agent.destroy(), mirror.close()]);
    },
  };
}

function requestOf(incoming: IncomingMessage) {
  return {
    method: incoming.method ?? "GET",
    target: incoming.url ?? "/",
    host: incoming.headers.host ?? "",
    headers: incoming.headers,
  };
}

function noRoute(reason: "host" | "path" | "unlisted", incoming: IncomingMessage): string {
  if (reason === "unlisted") return "the gateway has not read the VirtualServices yet";
  const { host, target, method } = requestOf(incoming);
  if (reason === "host") return `no VirtualService is for host "${host}"`;
  return `no VirtualService for host "${host}" has a route for ${method} ${target}`;
}

function answerError(response: ServerResponse, status: number, sentence: string): void {
  if (response.destroyed || response.headersSent) return;
  const body = Buffer.from(JSON.stringify({ error: sentence }));
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body);
}
