/**
 * `load.ts HOST:PORT CONNECTIONS SECONDS [PATH [HOST [KEY]]]`: sends predictions over so many connections, on each the next when the last is
 * answered, and prints `{sent, seconds, p50, p99}`, latencies in milliseconds. Reads no more of HTTP than it has to, to take little CPU.
 */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";

const [address = "", connections = "1", seconds = "5", path = "/v1/models/model:predict", named = address, key] =
  process.argv.slice(2);
const [host, port] = address.split(":") as [string, string];
const body = JSON.stringify({ values: ["3.3", "62.3", "324"] });
const credentials = key === undefined ? "" : `x-api-key: ${key}\r\n`;
const before = `POST ${path} HTTP/1.1\r\nhost: ${named}\r\n${credentials}content-type: application/json\r\ncontent-length: ${body.length}\r\nx-request-id: `;
const latencies: number[] = [];
const startedAt = performance.now();
const until = startedAt + Number(seconds) * 1000;

function client(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    socket.setNoDelay(true);
    let sentAt = 0;
    let received = "";
    const send = (): void => {
      sentAt = performance.now();
      socket.write(`${before}${randomUUID()}\r\n\r\n${body}`);
    };
    socket.once("connect", send);
    socket.once("error", reject);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(received)?.[1]);
      if (received.length < end + 4 + length) return;
      if (!received.startsWith("HTTP/1.1 200")) return reject(new Error(received));
      received = "";
      const now = performance.now();
      latencies.push(now - sentAt);
      if (now < until) return send();
      socket.destroy();
      resolve();
    });
  });
}

await Promise.all(Array.from({ length: Number(connections) }, client));
const took = (performance.now() - startedAt) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
console.log(JSON.stringify({ sent: latencies.length, seconds: took, p50: at(0.5), p99: at(0.99) }));
