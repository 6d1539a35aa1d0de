import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../../domain/errors.ts";
import { type Balancer, createBalancer } from "./balancer.ts";
import { connectToFirst } from "./connectToFirst.ts";
import type { ServicePort } from "./serviceEndpoints.ts";
import { reset, splice } from "./splice.ts";

export interface ServiceProxyOptions {
  /** Milliseconds until an endpoint that does not answer counts as failed. @default 2000 */
  readonly connectTimeout?: number;
  /** Milliseconds between attempts to take an address that could not be bound. @default 250 */
  readonly retryInterval?: number;
  /** Told once for each address that cannot be bound, and when an endpoint cannot be reached. */
  readonly onProblem?: (sentence: string) => void;
}

/** Listens on ClusterIPs and forwards connections to endpoints. TCP only: the only UDP Service here is DNS, which has its own server. */
export interface ServiceProxy {
  /** Converges listeners and endpoints to `ports`, by `ip:port`. Established connections stay, whatever changes. */
  update(ports: ReadonlyMap<string, ServicePort>): void;
  /** Resolves when every listener that was asked for has been opened or has failed once. */
  untilOpened(): Promise<void>;
  /** Stops listening and cuts established connections. */
  close(): Promise<void>;
}

interface Listener {
  readonly server: Server;
  readonly balancer: Balancer;
  target: ServicePort;
  retry?: NodeJS.Timeout;
  reported: boolean;
  opened: Promise<void>;
}

/**
 * A port without endpoints has no listener, so the kernel refuses connections to it at once, which is what
 * kube-proxy's REJECT rule does; clients may then retry safely, since nothing was accepted.
 */
export function startServiceProxy(options: ServiceProxyOptions = {}): ServiceProxy {
  const { connectTimeout = 2_000, retryInterval = 250, onProblem = () => {} } = options;
  const listeners = new Map<string, Listener>();
  const connections = new Set<Socket>();

  function open(key: string, target: ServicePort): Listener {
    const listener: Listener = {
      server: createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }),
      balancer: createBalancer(),
      target,
      reported: false,
      opened: Promise.resolve(),
    };
    listener.server.on("connection", (client) => accept(client, listener));
    listener.server.on("error", (error) => {
      if (listeners.get(key) !== listener) return;
      if (!listener.reported) onProblem(`cannot listen on ${key} for Service ${target.service}: ${messageOf(error)}`);
      listener.reported = true;
      listener.retry = setTimeout(() => listener.server.listen(target.port, target.clusterIP), retryInterval);
    });
    listener.opened = new Promise((resolve) => {
      listener.server.once("listening", resolve);
      listener.server.once("error", () => resolve());
      listener.server.once("close", resolve);
    });
    listener.server.listen(target.port, target.clusterIP);
    return listener;
  }

  function accept(client: Socket, listener: Listener): void {
    connections.add(client);
    client.once("close", () => connections.delete(client));
    const { target } = listener;
    const candidates = listener.balancer.order(target, client.remoteAddress ?? "");
    connectToFirst(client, candidates, connectTimeout, (connected) => {
      if (!connected) {
        if (candidates.length > 0) onProblem(`none of ${candidates.length} endpoints of ${target.service} accepts`);
        reset(client);
        return;
      }
      const { upstream, endpoint } = connected;
      listener.balancer.opened(endpoint);
      upstream.once("close", () => listener.balancer.closed(endpoint));
      splice(client, upstream);
    });
  }

  return {
    update(ports) {
      for (const [key, listener] of listeners) {
        const wanted = ports.get(key);
        if (wanted && wanted.endpoints.length > 0) {
          listener.target = wanted;
          continue;
        }
        listeners.delete(key);
        clearTimeout(listener.retry);
        listener.server.close();
      }
      for (const [key, port] of ports) {
        if (port.endpoints.length > 0 && !listeners.has(key)) listeners.set(key, open(key, port));
      }
    },
    async untilOpened() {
      await Promise.all([...listeners.values()].map((listener) => listener.opened));
    },
    async close() {
      const closing = [...listeners.values()].map((listener) => {
        clearTimeout(listener.retry);
        return new Promise<void>((resolve) => listener.server.close(() => resolve()));
      });
      listeners.clear();
      for (const connection of connections) reset(connection);
      await Promise.all(closing);
    },
  };
}
