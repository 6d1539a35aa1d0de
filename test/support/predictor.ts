import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A predictor that a test scripts. */
export interface TestPredictor {
  /** HOST:PORT. */
  readonly host: string;
  /** Requests whose body came whole. */
  readonly seen: {
    readonly url: string;
    readonly id: string | undefined;
    readonly purpose: string | undefined;
    readonly bytes: number;
  }[];
  /** Answers what comes next; @default 200 with the number of bytes */
  answer: (response: ServerResponse, body: Buffer, request: IncomingMessage) => void;
  stop(): Promise<void>;
}

export async function startPredictor(): Promise<TestPredictor> {
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.once("end", () => {
      const body = Buffer.concat(chunks);
      const { url = "", headers } = request;
      const [id, purpose] = ["x-request-id", "x-menagerie-purpose"].map((name) => headers[name]?.toString());
      predictor.seen.push({ url, id, purpose, bytes: body.length });
      predictor.answer(response, body, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const predictor: TestPredictor = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    answer: (response, body) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ bytes: body.length })),
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return predictor;
}
