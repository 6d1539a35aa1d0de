import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A model's server that does what each request tells it; requests call themselves by `x-request`. */
export interface MisbehavingModel {
  readonly port: number;
  /** Resolves once the answer of a request has begun at its client, or, where it never begins (`hang`), once it has reached the model. */
  underWay(told: string, id: string, call: EventEmitter): Promise<void>;
  stop(): void;
}

/** @param told - what a request tells the model to do, see {@link misbehave} */
export async function startMisbehavingModel(told: (request: IncomingMessage) => string): Promise<MisbehavingModel> {
  const arrived = new EventEmitter();
  // It closes no idle connection: one that closes just as a request comes by it answers that one with nothing, which no test asked for.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    arrived.emit(String(request.headers["x-request"]));
    misbehave(request, response, told(request));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    underWay: (what, id, call) =>
      new Promise((resolve) => {
        if (what === "hang") arrived.once(id, () => resolve());
        else call.once("response", () => resolve());
      }),
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Answers as it is told: a status; `hang`, never; `silent`, by closing the connection; `stream`, pieces every 20 ms until the client leaves;
 * `break`, the same for 60 ms, when it closes the connection.
 */
function misbehave(request: IncomingMessage, response: ServerResponse, told: string): void {
  request.resume();
  if (told === "hang") return;
  if (told === "silent") {
    response.destroy();
    return;
  }
  if (told !== "stream" && told !== "break") {
    response.writeHead(Number(told)).end("answer");
    return;
  }
  response.writeHead(200).write("piece");
  const more = setInterval(() => response.write("piece"), 20);
  response.once("close", () => clearInterval(more));
  if (told === "break") setTimeout(() => response.destroy(), 60);
}
