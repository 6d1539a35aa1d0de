/** `plainProxy.ts HOST:PORT`: forwards predictions by the same HTTP client and stores nothing. Prints its port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Dispatcher, Pool } from "undici";

const origin = `http://${process.argv[2]}`;
const pool = new Pool(origin, { connections: null });
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.once("end", () => {
    const { host: _, connection: __, ...headers } = request.headers;
    pool.dispatch(
      {
        path: request.url ?? "/",
        method: request.method as Dispatcher.HttpMethod,
        headers,
        body: Buffer.concat(chunks),
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, answered) {
          const { connection: ___, "keep-alive": ____, ...kept } = answered;
          response.writeHead(status, kept);
        },
        onResponseData: (_controller, chunk) => void response.write(chunk),
        onResponseEnd: () => void response.end(),
        onResponseError: () => void response.destroy(),
      },
    );
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
