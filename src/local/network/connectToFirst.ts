import { connect, type Socket } from "node:net";
import type { Endpoint } from "./serviceEndpoints.ts";

/**
 * Connects to the first of `candidates` that accepts, each within `timeout` milliseconds, on behalf of `client`, from
 * which nothing has been read yet. Calls `done` once, with undefined when none accepts; never when the client has
 * gone meanwhile.
 */
export function connectToFirst(
  client: Socket,
  candidates: readonly Endpoint[],
  timeout: number,
  done: (connected: { readonly upstream: Socket; readonly endpoint: Endpoint } | undefined) => void,
): void {
  let next = 0;
  let current: Socket | undefined;
  const abandon = (): void => {
    current?.destroy();
  };
  client.once("close", abandon);
  client.once("error", abandon);

  function finish(connected: Parameters<typeof done>[0]): void {
    client.off("close", abandon);
    client.off("error", abandon);
    done(connected);
  }

  function attempt(): void {
    if (client.destroyed) return;
    const endpoint = candidates[next++];
    if (!endpoint) {
      finish(undefined);
      return;
    }
    const upstream = connect({ host: endpoint.address, port: endpoint.port, allowHalfOpen: true, noDelay: true });
    current = upstream;
    const timer = setTimeout(() => upstream.destroy(new Error("timed out")), timeout);
    const failed = (): void => {
      clearTimeout(timer);
      attempt();
    };
    const ignore = (): void => {};
    upstream.on("error", ignore);
    upstream.once("close", failed);
    upstream.once("connect", () => {
      clearTimeout(timer);
      upstream.off("close", failed);
      upstream.off("error", ignore);
      finish({ upstream, endpoint });
    });
  }
  attempt();
}
