import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Answers as it is told: a status; `hang`, never; `silent`, by closing the connection; `stream`, pieces every 20 ms until the client leaves;
 * `break`, the same for 60 ms, when it closes the connection.
 */
export function misbehave(request: IncomingMessage, response: ServerResponse, told: string): void {
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
