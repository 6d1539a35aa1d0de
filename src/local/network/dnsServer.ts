import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { decode, encode, type Packet, TRUNCATED_RESPONSE } from "dns-packet";

/** Answers queries over UDP and TCP; see {@link startDnsServer}. */
export interface DnsServer {
  /** The port taken, for both transports. */
  readonly port: number;
  close(): Promise<void>;
}

export interface DnsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The reply, or undefined for no reply at all. */
  readonly answer: (query: Packet) => Packet | undefined;
}

/** UDP replies never exceed this, so that they are not fragmented (dnsflagday.net/2020). */
const largestDatagram = 1_232;
/** Without EDNS (RFC 1035, 4.2.1). */
const plainDatagram = 512;
const idleMilliseconds = 10_000;

/** DNS over UDP and TCP on one address. What cannot be parsed is ignored. Rejects when the address cannot be bound. */
export async function startDnsServer({ host, port, answer }: DnsServerOptions): Promise<DnsServer> {
  const connections = new Set<Socket>();
  const tcp = createServer((socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    serveStream(socket, answer);
  });
  await new Promise<void>((resolve, reject) => {
    tcp.once("error", reject);
    tcp.listen(port, host, resolve);
  });
  const taken = tcp.address();
  const chosen = typeof taken === "object" && taken ? taken.port : port;

  const udp = createSocket("udp4");
  udp.on("message", (message, from) => {
    const reply = datagram(message, answer);
    // A client that has gone is no fault of ours.
    if (reply) udp.send(reply, from.port, from.address, () => {});
  });
  try {
    await new Promise<void>((resolve, reject) => {
      udp.once("error", reject);
      udp.bind(chosen, host, resolve);
    });
  } catch (error) {
    tcp.close();
    throw error;
  }
  // Such as an ICMP error for an earlier reply: the socket stays usable.
  udp.on("error", () => {});
  tcp.on("error", () => {});

  return {
    port: chosen,
    async close() {
      const closed = [
        new Promise<void>((resolve) => tcp.close(() => resolve())),
        new Promise<void>((resolve) => udp.close(() => resolve())),
      ];
      for (const connection of connections) connection.destroy();
      await Promise.all(closed);
    },
  };
}

function datagram(message: Buffer, answer: DnsServerOptions["answer"]): Buffer | undefined {
  const exchange = reply(message, answer);
  if (!exchange) return undefined;
  const { query, encoded, response } = exchange;
  const offered = query.additionals?.find((record) => record.type === "OPT")?.udpPayloadSize;
  const limit = Math.min(largestDatagram, Math.max(plainDatagram, offered ?? 0));
  if (encoded.length <= limit) return encoded;
  // The client asks again over TCP.
  const { answers: _answers, authorities: _authorities, ...rest } = response;
  return encode({ ...rest, flags: (response.flags ?? 0) | TRUNCATED_RESPONSE });
}

function serveStream(socket: Socket, answer: DnsServerOptions["answer"]): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(idleMilliseconds, () => socket.destroy());
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    // Each message is preceded by its length in two bytes (RFC 1035, 4.2.2).
    while (pending.length >= 2) {
      const end = 2 + pending.readUInt16BE(0);
      if (pending.length < end) return;
      const exchange = reply(pending.subarray(2, end), answer);
      pending = pending.subarray(end);
      if (!exchange) {
        socket.destroy();
        return;
      }
      const length = Buffer.alloc(2);
      length.writeUInt16BE(exchange.encoded.length);
      socket.write(Buffer.concat([length, exchange.encoded]));
    }
  });
}

function reply(
  message: Buffer,
  answer: DnsServerOptions["answer"],
): { query: Packet; response: Packet; encoded: Buffer } | undefined {
  try {
    const query = decode(message);
    const response = answer(query);
    return response && { query, response, encoded: encode(response) };
  } catch {
    // Not a DNS message, or a name that cannot be written back: there is nobody to tell.
    return undefined;
  }
}
