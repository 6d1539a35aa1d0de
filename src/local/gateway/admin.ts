import { createServer } from "node:http";
import { listenOnSocket } from "../network/relay.ts";
import type { Gateway } from "./gateway.ts";

/**
 * `GET /healthz` (503 until `isReady`) and `GET /metrics` on a unix socket, apart from the gateway's own addresses, where
 * every path belongs to VirtualServices.
 */
export async function startGatewayAdmin(options: {
  readonly socketPath: string;
  readonly gateway: Gateway;
  readonly isReady: () => boolean;
}): Promise<{ close(): Promise<void> }> {
  const { socketPath, gateway, isReady } = options;
  const server = createServer((request, response) => {
    if (request.url === "/healthz") {
      response.writeHead(isReady() ? 200 : 503, { "content-type": "text/plain" });
      response.end(isReady() ? "ok\n" : "VirtualServices have not been listed yet\n");
    } else if (request.url === "/metrics") {
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
      response.end(gateway.metrics.render(gateway.inFlight));
    } else {
      response.writeHead(404, { "content-type": "text/plain" });
      response.end("there are /healthz and /metrics\n");
    }
  });
  await listenOnSocket(server, socketPath);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
