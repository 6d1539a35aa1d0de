import { rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { LeftOut } from "../mesh/heedRejections.ts";
import type { SupervisorStatus } from "./supervisor.ts";

export interface EnvironmentStatus extends SupervisorStatus {
  /** Objects that the gateway goes on without, because Envoy refuses what istiod makes of them. */
  readonly leftOut: readonly LeftOut[];
}

/** Answers `GET /status` on a unix socket, which crosses the network namespace by its path. */
export async function serveStatus(socket: string, status: () => EnvironmentStatus): Promise<Server> {
  await rm(socket, { force: true });
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(status()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  return server;
}

/** What the supervisor says, or undefined while nobody answers at `socket`. */
export function readStatus(socket: string): Promise<EnvironmentStatus | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath: socket, path: "/status", timeout: 2_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text) as EnvironmentStatus));
      response.on("error", () => resolve(undefined));
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(undefined));
    call.end();
  });
}
