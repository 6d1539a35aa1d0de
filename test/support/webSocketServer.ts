import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A model's server that speaks WebSocket (RFC 6455): each text goes back as `<name> <text>`. */
export interface WebSocketServer {
  /** HOST:PORT. */
  readonly host: string;
  /** Handshakes that came. */
  readonly seen: IncomingMessage[];
  /** Connections that are open. */
  readonly open: Set<Socket>;
  stop(): Promise<void>;
}

export async function startWebSocketServer(name = "echo"): Promise<WebSocketServer> {
  const [seen, open] = [[] as IncomingMessage[], new Set<Socket>()];
  const server: Server = createServer({ keepAliveTimeout: 0 }, (_, response) =>
    response.writeHead(404).end("no WebSocket\n"),
  );
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    seen.push(request);
    if (request.url?.startsWith("/v1/refused")) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nnot you");
      return;
    }
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    let read = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      for (let frame = frameOf(read); frame; frame = frameOf(read)) {
        read = read.subarray(frame.length);
        if (frame.code === 8) socket.end(Buffer.concat([Buffer.from([0x88, frame.payload.length]), frame.payload]));
        else socket.write(textFrame(`${name} ${frame.payload}`));
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    open,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** A client's frame at the beginning of what came, unmasked; undefined while it is not whole. */
function frameOf(bytes: Buffer) {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const at = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < at + 4) return undefined;
  const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < at + 4 + size) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(
    bytes.subarray(at + 4, at + 4 + size).map((byte, index) => byte ^ (mask[index % 4] ?? 0)),
  );
  return { code: bytes.readUInt8(0) & 0x0f, payload, length: at + 4 + size };
}

function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.alloc(10);
  if (payload.length >= 126) {
    head.writeUInt8(0x81, 0);
    head.writeUInt8(127, 1);
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Opens a WebSocket, sends each text once the one before is answered, closes, and tells the answers and how it closed. */
export async function conversation(url: string, texts: readonly string[], headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers } as unknown as string[]);
  const closed = once(socket, "close") as Promise<[CloseEvent]>;
  const failed = once(socket, "error").then(() => undefined);
  const answers: string[] = [];
  const opened = await Promise.race([once(socket, "open"), failed]);
  if (opened) {
    for (const text of texts) {
      const answer = once(socket, "message") as Promise<[MessageEvent]>;
      socket.send(text);
      answers.push(String((await answer)[0].data));
    }
    socket.close(1000, "done");
  }
  const [{ code, reason }] = await closed;
  return { opened: opened !== undefined, answers, code, reason };
}
