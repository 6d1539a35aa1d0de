/**
 * A model's server in a process of its own, which is asked a line each time and keeps nothing of it: `node server.ts LINES`. Tells its
 * parent its port, and on each message what it was asked ({@link Asked}).
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What was asked since the server began. */
export interface Asked {
  readonly requests: number;
  /** Of bodies. */
  readonly bytes: number;
  /** Lines that were asked at all. */
  readonly lines: number;
  /** When the first request came that follows the last report, in milliseconds since 1970. */
  readonly firstAt: number | undefined;
  /** Ten times a second, since the last report. */
  readonly moments: readonly Moment[];
}

export interface Moment {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly requests: number;
  readonly bytes: number;
}

const times = new Uint8Array(Number(process.argv[2]) + 1);
const counts = { requests: 0, bytes: 0, lines: 0 };
let firstAt: number | undefined;
let moments: Moment[] = [];

const server = createServer((request, response) => {
  firstAt ??= Date.now();
  let head = "";
  let bytes = 0;
  request.on("data", (piece: Buffer) => {
    if (head.length < 32) head += piece.toString("latin1", 0, 32);
    bytes += piece.length;
  });
  request.on("end", () => {
    const line = Number(/^\{"n":(\d+),/.exec(head)?.[1]);
    if (times[line] === 0) counts.lines += 1;
    times[line] = (times[line] ?? 0) + 1;
    counts.requests += 1;
    counts.bytes += bytes;
    response.setHeader("content-type", "application/json");
    response.end(`{"n":${line},"bytes":${bytes}}`);
  });
});

setInterval(() => moments.push({ at: Date.now(), requests: counts.requests, bytes: counts.bytes }), 100).unref();
process.on("message", () => {
  process.send?.({ ...counts, firstAt, moments } satisfies Asked);
  firstAt = undefined;
  moments = [];
});
process.on("disconnect", () => process.exit(0));
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
