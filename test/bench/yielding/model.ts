/** `model.ts MILLISECONDS`: a model that answers one request at a time, each in so many milliseconds; others wait. Prints its port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const took = Number(process.argv[2] ?? 10);
const answer = Buffer.from(JSON.stringify({ results: [6.6] }));
const head = { "content-type": "application/json", "content-length": answer.length };
let turn = Promise.resolve();

const server = createServer({ keepAliveTimeout: 60_000, noDelay: true }, (request, response) => {
  request.resume();
  request.once("end", () => {
    turn = turn.then(async () => {
      await delay(took);
      response.writeHead(200, head).end(answer);
    });
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
