/**
 * `streamLoad.ts HOST:PORT STREAMS SECONDS EVERY`: so many chats at a time, the next where one ends, whose tokens come every so many milliseconds.
 * Prints `{streams, pieces, seconds, firstP50, firstP99, lateP50, lateP99, latest}`: the time to the first token, and that from a token's going
 * to its coming, in milliseconds.
 */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const [address = "", streams = "64", seconds = "4", every = "20"] = process.argv.slice(2);
const [host, port] = address.split(":") as [string, string];
const body = '{"stream":true,"messages":[]}';
const now = (): number => performance.timeOrigin + performance.now();
const first: number[] = [];
const late: number[] = [];
let done = 0;
const startedAt = now();
const until = startedAt + Number(seconds) * 1000;

/** One chat on a connection that is kept. */
function client(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host).setNoDelay(true).setEncoding("latin1");
    let [askedAt, begun] = [0, false];
    const ask = (): void => {
      [askedAt, begun] = [now(), false];
      socket.write(
        `POST /v1/chat/completions?tokens=100&every=${every} HTTP/1.1\r\nhost: ${address}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nx-request-id: ${randomUUID()}\r\n\r\n${body}`,
      );
    };
    let rest = "";
    socket.on("data", (piece: string) => {
      const cameAt = now();
      const text = rest + piece;
      for (const [, sentAt] of text.matchAll(/"content":"([\d.]+) "/g)) {
        if (!begun) first.push(cameAt - askedAt);
        begun = true;
        late.push(cameAt - Number(sentAt));
      }
      // An event may be cut anywhere; what was read of it is not read again.
      rest = text.slice(text.lastIndexOf("\n\n") + 1);
      if (!text.endsWith("\r\n0\r\n\r\n")) return;
      rest = "";
      done += 1;
      if (cameAt < until) return ask();
      socket.destroy();
      resolve();
    });
    socket.once("connect", ask);
    socket.once("error", reject);
  });
}

const clients: Promise<void>[] = [];
for (let each = 0; each < Number(streams); each += 1) {
  clients.push(client());
  // Not all of them speak at the same moment.
  if (Number(every) > 0) await delay(Number(every) / 3);
}
await Promise.all(clients);
const at = (values: number[], share: number): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
console.log(
  JSON.stringify({
    streams: done,
    pieces: late.length,
    seconds: (now() - startedAt) / 1000,
    firstP50: at(first, 0.5),
    firstP99: at(first, 0.99),
    lateP50: at(late, 0.5),
    lateP99: at(late, 0.99),
    latest: at(late, 1 - 1e-9),
  }),
);
