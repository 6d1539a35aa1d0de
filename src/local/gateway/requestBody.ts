import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";

/** A body up to this length is read first: it goes out in one write with the headers, and can be sent again. */
const inlineLimit = 64 * 1024;

/**
 * How a request's body is sent on: nothing, all of it in memory, or as a stream with back-pressure. Calls `done` as
 * soon as that can begin; never when the client goes away before.
 */
export function readBody(incoming: IncomingMessage, done: (body: Buffer | PassThrough | null) => void): void {
  const length = incoming.headers["content-length"];
  if (length === undefined && incoming.headers["transfer-encoding"] === undefined) {
    done(null);
    return;
  }
  if (length !== undefined && Number(length) <= inlineLimit) {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.once("end", () => done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    return;
  }
  // The HTTP client destroys the stream it was given at its end, which must not be the server's own request.
  const stream = new PassThrough({ highWaterMark: 256 * 1024 });
  stream.on("error", () => {});
  incoming.pipe(stream);
  incoming.once("close", () => {
    if (!incoming.complete) stream.destroy(new Error("the client went away"));
  });
  done(stream);
}

/**
 * Keeps a copy of the body while it streams by, and calls `done` with it at the end, or with undefined as soon as it is longer
 * than `limit` bytes. Does nothing for a body that does not end.
 */
export function copyBody(incoming: IncomingMessage, limit: number, done: (copy: Buffer | undefined) => void): void {
  if (Number(incoming.headers["content-length"] ?? 0) > limit) {
    done(undefined);
    return;
  }
  let chunks: Buffer[] = [];
  let length = 0;
  const keep = (chunk: Buffer): void => {
    length += chunk.length;
    if (length <= limit) {
      chunks.push(chunk);
      return;
    }
    incoming.off("data", keep);
    incoming.off("end", finish);
    chunks = [];
    done(undefined);
  };
  const finish = (): void => done(Buffer.concat(chunks));
  incoming.on("data", keep);
  incoming.once("end", finish);
}
