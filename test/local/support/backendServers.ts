/**
 * `node backendServers.ts <address> <name>…`, inside an environment's network namespace: an HTTP server for each name, which speaks HTTP/2
 * where the name begins with `grpc`, and ends a connection after 5 s without a request where it begins with `impatient`. Prints their ports and then each request as a JSON line. Ends when its standard input does.
 *
 * What a server does beyond echoing the request is said by the path, or by header `x-do: <deed>[=<argument>][@<server>]`, which survives
 * a rewrite and which only that server follows.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as after } from "node:timers/promises";

const [address = "", ...names] = process.argv.slice(2);
const print = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
let release = (): void => {};
/** Requests that failed once, by their id. */
const failed = new Set<string>();

/** The deed that a request asks of a server, with its argument. */
function deedOf(name: string, { url = "", headers }: IncomingMessage): { deed: string; argument: string } {
  const [, deed = "", argument = "", only] =
    /^([^=@]+)(?:=([^@]*))?(?:@(.+))?$/.exec(String(headers["x-do"] ?? "")) ?? [];
  return deed && (only ?? name) === name ? { deed, argument } : { deed: url.slice(1), argument: "" };
}

async function answer(name: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = "", headers } = incoming;
  const { deed, argument } = deedOf(name, incoming);
  if (deed === "hang") {
    print({ server: name, method, url, headers, body: "" });
    incoming.socket.once("close", () => print({ server: name, method: "CLOSE", url, headers, body: "" }));
    return;
  }
  if (deed === "same") {
    incoming.pipe(response);
    return;
  }
  const hash = createHash("sha256");
  let [body, bytes] = ["", 0];
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    if (body.length < 4_096) body += chunk.toString("utf8");
  }
  const raw = incoming.rawHeaders;
  const { trailers } = incoming;
  print({
    server: name,
    method,
    url,
    headers,
    raw,
    trailers,
    body: body.slice(0, 100),
    bytes,
    sha256: hash.digest("hex"),
  });
  if (deed.startsWith("authorize/")) {
    const allowed = headers["x-api-key"] === "good" || headers.authorization === "Bearer good";
    response.writeHead(allowed ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(allowed ? {} : { error: { code: "missing_api_key" } }));
    return;
  }
  if (deed === "idle") {
    incoming.socket.once("close", () => print({ server: name, method: "CLOSE", url, headers, body: "" }));
  }
  if (deed === "drop") incoming.socket.destroy();
  else if (deed === "break") {
    response.write("half");
    setTimeout(() => response.destroy(), 50);
  } else if (deed === "held") {
    response.write("first");
    release = () => response.end("last");
  } else if (deed === "release") {
    release();
    response.end();
  } else if (deed === "stream") {
    for (let piece = 0; piece < Number(argument); piece += 1) {
      response.write(`${piece}\n`);
      await after(1_000);
    }
    response.end();
  } else if (deed === "trailers") {
    response.writeHead(200, { trailer: "x-sum", "transfer-encoding": "chunked" });
    response.write("body");
    response.addTrailers({ "x-sum": "4" });
    response.end();
  } else {
    if (deed === "delay") await after(Number(argument));
    const id = `${headers["x-request-id"]}`;
    const isFirst = !failed.has(id);
    failed.add(id);
    const status = deed === "fail-once" && isFirst ? 503 : deed === "status" ? Number(argument) : 200;
    // As gRPC says that it is not there: by a header, whatever the HTTP status is.
    const unavailable = deed === "unavailable-once" && isFirst ? { "grpc-status": "14" } : {};
    response.writeHead(status, { "content-type": "application/json", "x-from": name, ...unavailable });
    response.end(JSON.stringify({ server: name, method, url, headers, body }));
  }
}

/** Echoes a call's message, and ends it well. */
function call(name: string, stream: ServerHttp2Stream, headers: Record<string, unknown>): void {
  print({ server: name, method: headers[":method"], url: headers[":path"], headers, body: "" });
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.pipe(stream);
}

const patient = { keepAliveTimeout: 0 };
/** As uvicorn, the server of a truss, is by default (`--timeout-keep-alive`). */
const impatient = { keepAliveTimeout: 5_000, keepAliveTimeoutBuffer: 0 };

const ports: Record<string, number> = {};
for (const name of names) {
  const server = name.startsWith("grpc")
    ? createHttp2Server().on("stream", (stream, headers) => call(name, stream, headers))
    : createServer(name.startsWith("impatient") ? impatient : patient, (incoming, response) => {
        void answer(name, incoming, response).catch(() => {});
      });
  server.on("upgrade", (incoming: IncomingMessage, socket) => {
    socket.on("error", () => {});
    const { url = "", headers } = incoming;
    print({ server: name, method: "UPGRADE", url, headers, body: "" });
    socket.once("close", () => print({ server: name, method: "CLOSE", url, headers, body: "" }));
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n${incoming.url}|`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  ports[name] = (server.address() as AddressInfo).port;
}
print({ ports });
process.stdin.resume().once("end", () => process.exit(0));
