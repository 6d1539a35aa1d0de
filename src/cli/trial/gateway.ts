import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { servingPath } from "../../domain/serving/servedModel.ts";
import type { TriedModel } from "../../domain/trial/trial.ts";
import { refuse } from "./refusals.ts";

/** Where the models of a trial answer on this machine, by the paths that they have at the environment's gateway. */
export interface TrialGateway {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** Where a model is predicted with. */
  urlOf(model: string): string;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1. @param port - 0 takes a free one
 * @throws OperatorError where the port is taken
 */
export async function openGateway(
  models: readonly Pick<TriedModel, "name" | "socketPath">[],
  { namespace, port }: { readonly namespace: string; readonly port: number },
): Promise<TrialGateway> {
  const routes = models.map(({ name, socketPath }) => ({ prefix: servingPath(namespace, name), socketPath }));
  const server = createServer((incoming, outgoing) => {
    const { url = "/" } = incoming;
    const route = routes.find(({ prefix }) => url.startsWith(`${prefix}/`));
    if (route) forward(incoming, outgoing, route.socketPath, url.slice(route.prefix.length));
    else
      answer(
        outgoing,
        404,
        `no model of the trial is at ${url}; there are ${routes.map(({ prefix }) => prefix).join(", ")}`,
      );
  });
  // Only the two ends know how long an answer takes.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(refuse("try.port", { port, reason: error.message }, error)));
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : port}`;
  return {
    url,
    urlOf: (model) => `${url}${servingPath(namespace, model)}/v1/models/model:predict`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, socketPath: string, path: string): void {
  const { method, headers } = incoming;
  const upstream = request({ socketPath, path, method, headers });
  upstream.once("response", (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
    response.once("error", () => outgoing.destroy());
  });
  upstream.once("error", (error) => {
    if (outgoing.headersSent) outgoing.destroy();
    else answer(outgoing, 502, `the model does not answer: ${error.message}`);
  });
  outgoing.once("close", () => upstream.destroy());
  incoming.pipe(upstream);
}

function answer(outgoing: ServerResponse, status: number, error: string): void {
  outgoing.writeHead(status, { "content-type": "application/json" });
  outgoing.end(JSON.stringify({ error }));
}
