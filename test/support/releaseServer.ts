import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** What a host does to one file. */
export interface Behaviour {
  /** Ends the connection after so many bytes of each answer. */
  readonly cutAfter?: number;
  /** Sends nothing more after so many bytes of an answer, and leaves the connection open. */
  readonly stallAfter?: number;
  readonly status?: number;
  /** @default a hash of the content */
  readonly etag?: string;
  /** Answers the whole file to a request for a range. */
  readonly noRanges?: boolean;
}

export interface ReleaseServer {
  readonly url: string;
  /** Path without a leading slash → bytes, or a file to stream. */
  readonly files: Map<string, Buffer | { readonly file: string }>;
  readonly behaviour: Map<string, Behaviour>;
  /** What a registry's requests must bear, which `<url>/token` gives everybody. @default nothing */
  token?: string;
  /** Where requests to the registry are sent on to. @default nowhere */
  registry?: string;
  /** Method, path and range of each request. */
  readonly requests: string[];
  close(): Promise<void>;
}

/**
 * Plays the hosts of released executables on loopback: files with ranges, validators, and the faults that a test asks for.
 *
 * @param bytesPerSecond of all answers together. @default as fast as it goes
 */
export async function startReleaseServer(bytesPerSecond?: number): Promise<ReleaseServer> {
  const files: ReleaseServer["files"] = new Map();
  const behaviour: ReleaseServer["behaviour"] = new Map();
  const requests: string[] = [];
  const pace = paced(bytesPerSecond);
  const pieceSize = Math.min(65_536, Math.ceil((bytesPerSecond ?? Number.POSITIVE_INFINITY) / 20));
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? "").replace(/^\//, "");
    const { range } = request.headers;
    requests.push([request.method, path, ...(range ? [range] : [])].join(" "));
    if (made.registry !== undefined && path.startsWith("v2/")) {
      response.writeHead(307, { location: `${made.registry}/${path}` }).end();
      return;
    }
    if (path.startsWith("token?")) {
      response.end(JSON.stringify({ token: made.token }));
      return;
    }
    if (
      made.token !== undefined &&
      path.startsWith("v2/") &&
      request.headers.authorization !== `Bearer ${made.token}`
    ) {
      const challenge = `Bearer realm="${made.url}/token",service="test",scope="repository:x:pull"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return;
    }
    const does = behaviour.get(path) ?? {};
    const content = files.get(path);
    if (does.status !== undefined || content === undefined) {
      response.writeHead(does.status ?? 404).end();
      return;
    }
    const size = Buffer.isBuffer(content) ? content.length : (await stat(content.file)).size;
    const etag =
      does.etag ?? `"${Buffer.isBuffer(content) ? createHash("sha256").update(content).digest("hex") : size}"`;
    const ifRange = request.headers["if-range"];
    const asked = /^bytes=(\d+)-$/.exec(range ?? "");
    const from = asked && !does.noRanges && (!ifRange || ifRange === etag) ? Number(asked[1]) : 0;
    if (from >= size && size > 0) {
      response.writeHead(416).end();
      return;
    }
    const head = { etag, "content-length": size - from, "accept-ranges": "bytes" };
    const ranged = from > 0 ? { "content-range": `bytes ${from}-${size - 1}/${size}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { ...head, ...ranged });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const body = Buffer.isBuffer(content)
      ? Readable.from([content.subarray(from)])
      : createReadStream(content.file, { start: from });
    let sent = 0;
    const limit = does.cutAfter ?? does.stallAfter ?? Number.POSITIVE_INFINITY;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += pieceSize) {
        const piece = chunk.subarray(at, Math.min(at + pieceSize, at + Math.max(0, limit - sent)));
        await pace(piece.length);
        if (response.destroyed) return;
        if (piece.length > 0 && !response.write(piece)) {
          await new Promise<void>((resume) => {
            const go = () => {
              response.off("drain", go).off("close", go);
              resume();
            };
            response.on("drain", go).on("close", go);
          });
        }
        sent += piece.length;
        if (sent < limit) continue;
        if (does.stallAfter !== undefined) return;
        // What was written is to arrive before the connection ends.
        await delay(20);
        response.destroy();
        return;
      }
    }
    response.end();
  };
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const made: ReleaseServer = {
    url: `http://127.0.0.1:${port}`,
    files,
    behaviour,
    requests,
    close: () => closed(server),
  };
  return made;
}

/** A forward proxy that may want a login. It answers CONNECT too, and counts what it let through. */
export async function startProxy(login?: string): Promise<{ url: string; through: string[]; close(): Promise<void> }> {
  const through: string[] = [];
  const admits = (request: IncomingMessage) =>
    login === undefined || request.headers["proxy-authorization"] === `Basic ${Buffer.from(login).toString("base64")}`;
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (!admits(request)) {
      response.writeHead(407, { "proxy-authenticate": "Basic" }).end();
      return;
    }
    through.push(request.url ?? "");
    const { "proxy-authorization": _, ...headers } = request.headers;
    const onward = httpRequest(request.url ?? "", { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.on("connect", (request, socket) => {
    if (!admits(request)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n");
      return;
    }
    through.push(request.url ?? "");
    const [host = "", port = "443"] = (request.url ?? "").split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, through, close: () => closed(server) };
}

/** Lets so many bytes a second pass, all callers together. */
function paced(bytesPerSecond: number | undefined): (bytes: number) => Promise<void> {
  let free = performance.now();
  return async (bytes) => {
    if (bytesPerSecond === undefined) return;
    const now = performance.now();
    free = Math.max(free, now) + (bytes / bytesPerSecond) * 1000;
    if (free - now > 10) await delay(free - now);
  };
}

async function closed(server: ReturnType<typeof createServer>): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((done) => server.close(() => done()));
}
