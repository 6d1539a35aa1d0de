/**
 * A predictor that costs next to nothing, so that what stands before it is measured. Prints its port. A chat is answered by a stream of
 * `?tokens=200` tokens, each of them the time at which it went, one every `&every=20` milliseconds; as fast as they go where that is 0.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const answer = Buffer.from(JSON.stringify({ results: [6.6, 124.6, 648], model: "multiplier" }));
const head = { "content-type": "application/json", "content-length": answer.length };

const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;

function stream(response: ServerResponse, tokens: number, every: number): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(chunk({ role: "assistant", content: "" }));
  let said = 0;
  const say = (): void => {
    if (said < tokens) {
      said += 1;
      response.write(chunk({ content: `${(performance.timeOrigin + performance.now()).toFixed(3)} ` }));
      if (every === 0) setImmediate(say);
      return;
    }
    clearInterval(timer);
    response.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
  };
  const timer = every === 0 ? undefined : setInterval(say, every);
  say();
}

const server = createServer({ keepAliveTimeout: 60_000, noDelay: true }, (request, response) => {
  request.resume();
  request.once("end", () => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    if (pathname !== "/v1/chat/completions") response.writeHead(200, head).end(answer);
    else stream(response, Number(searchParams.get("tokens") ?? 200), Number(searchParams.get("every") ?? 20));
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
