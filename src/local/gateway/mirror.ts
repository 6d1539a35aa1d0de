import { Agent, type Dispatcher } from "undici";
import type { ClusterResolver } from "../network/clusterResolver.ts";
import type { FlatHeaders } from "./headers.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Upstream } from "./routeAction.ts";

/** A request as it is sent on, whole. */
export interface RequestCopy {
  readonly method: string;
  readonly path: string;
  readonly headers: FlatHeaders;
  readonly body: Buffer | null;
}

export interface MirrorOptions {
  readonly resolver: ClusterResolver;
  readonly metrics: GatewayMetrics;
  /** Bytes of one body; longer requests are not mirrored. @default 10 MiB */
  readonly bodyLimit?: number;
  /** Copies on their way at once; more are dropped. @default 256 */
  readonly maxInFlight?: number;
  /** Bytes of all bodies on their way. @default 64 MiB */
  readonly maxBytes?: number;
  /** Milliseconds without an answer until a copy is given up. @default 60000 */
  readonly timeout?: number;
}

/** Sends copies of requests, whose answers are discarded. Nothing it does is awaited, and nothing is thrown. */
export interface Mirror {
  readonly bodyLimit: number;
  send(to: Upstream, request: RequestCopy): void;
  /** Counts a copy that could not be made. */
  drop(to: Upstream): void;
  close(): Promise<void>;
}

/** Copies have connections and limits of their own, so that a slow shadow holds back no primary request. */
export function createMirror(options: MirrorOptions): Mirror {
  const { resolver, metrics, timeout = 60_000 } = options;
  const { bodyLimit = 10 * 1024 ** 2, maxInFlight = 256, maxBytes = 64 * 1024 ** 2 } = options;
  const agent = new Agent({
    connections: 64,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    connectTimeout: 5_000,
    allowH2: false,
  });
  let inFlight = 0;
  let bytes = 0;

  async function dispatch(to: Upstream, { method, path, headers, body }: RequestCopy): Promise<void> {
    const address = await resolver.resolve(to.host);
    await new Promise<void>((resolve, reject) => {
      agent.dispatch(
        { origin: `http://${address}:${to.port}`, method: method as Dispatcher.HttpMethod, path, headers, body },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData() {},
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
  }

  return {
    bodyLimit,
    send(to, request) {
      const name = `${to.host}:${to.port}`;
      const size = request.body?.length ?? 0;
      if (inFlight >= maxInFlight || bytes + size > maxBytes || size > bodyLimit) {
        metrics.mirror(name, "dropped");
        return;
      }
      inFlight += 1;
      bytes += size;
      metrics.mirror(name, "sent");
      dispatch(to, request)
        .catch(() => {
          resolver.forget(to.host);
          metrics.mirror(name, "failed");
        })
        .finally(() => {
          inFlight -= 1;
          bytes -= size;
        });
    },
    drop(to) {
      metrics.mirror(`${to.host}:${to.port}`, "dropped");
    },
    close: () => agent.destroy(),
  };
}
