/**
 * `node backendServers.ts <address> <name>…`, inside an environment's network namespace: an HTTP server for each name. Prints their ports
 * and then each request as a JSON line. Ends when its standard input does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const [address = "", ...names] = process.argv.slice(2);
const print = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
let release = (): void => {};

async function answer(name: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = "", headers } = incoming;
  if (url === "/hang") {
    print({ server: name, method, url, headers, body: "" });
    incoming.socket.once("close", () => print({ server: name, method: "CLOSE", url, headers, body: "" }));
    return;
  }
  if (url === "/same") {
    incoming.pipe(response);
    return;
  }
  let body = "";
  for await (const chunk of incoming.setEncoding("utf8")) body += chunk;
  print({ server: name, method, url, headers, body: body.slice(0, 100) });
  if (url === "/drop") incoming.socket.destroy();
  else if (url === "/break") {
    response.write("half");
    setTimeout(() => response.destroy(), 50);
  } else if (url === "/held") {
    response.write("first");
    release = () => response.end("last");
  } else if (url === "/release") {
    release();
    response.end();
  } else {
    response.writeHead(200, { "content-type": "application/json", "x-from": name });
    response.end(JSON.stringify({ server: name, method, url, headers, body }));
  }
}

const ports: Record<string, number> = {};
for (const name of names) {
  const server = createServer((incoming, response) => void answer(name, incoming, response).catch(() => {}));
  server.on("upgrade", (incoming, socket) => {
    socket.on("error", () => {});
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n${incoming.url}|`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  ports[name] = (server.address() as AddressInfo).port;
}
print({ ports });
process.stdin.resume().once("end", () => process.exit(0));
