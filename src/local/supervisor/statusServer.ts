import { rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { SupervisorStatus } from "./supervisor.ts";

/** Answers `GET /status` on a unix socket, which crosses the network namespace by its path. */
export async function serveStatus(socket: string, status: () => SupervisorStatus): Promise<Server> {
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

/** The supervisor's status, or undefined while nobody answers at `socket`. */
export function readStatus(socket: string): Promise<SupervisorStatus | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath: socket, path: "/status", timeout: 2_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text) as SupervisorStatus));
      response.on("error", () => resolve(undefined));
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(undefined));
    call.end();
  });
}
