/** A predictor that costs next to nothing, so that what stands before it is measured. Prints its port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const answer = Buffer.from(JSON.stringify({ results: [6.6, 124.6, 648], model: "multiplier" }));
const head = { "content-type": "application/json", "content-length": answer.length };
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume();
  request.once("end", () => response.writeHead(200, head).end(answer));
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
