import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";

/** A body up to this length usually goes out in one write with its headers; a longer one as it comes. In bytes. */
export const inlineLimit = 64 * 1024;

/** What a body may have, and who is told that it has more; nothing of it is read from then on. */
export interface BodyLimit {
  readonly bytes: number;
  readonly onExceeded: () => void;
}

/** Whether a request has a body, as its headers announce it. */
export function hasBody({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

/**
 * How a request's body is sent on: nothing, all of it where it has no more than `wholeUpTo` bytes, else as a stream with back-pressure. Calls `onChunk` with
 * everything that comes and `begin` as soon as the forwarding can; never when the client goes away before.
 */
export function readBody(
  incoming: IncomingMessage,
  onChunk: ((chunk: Buffer) => void) | undefined,
  { wholeUpTo, limit }: { readonly wholeUpTo: number; readonly limit: BodyLimit | undefined },
  begin: (body: Buffer | PassThrough | null) => void,
): void {
  const length = incoming.headers["content-length"];
  if (!hasBody(incoming)) {
    begin(null);
    return;
  }
  if (length !== undefined && Number(length) <= wholeUpTo) {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => {
      onChunk?.(chunk);
      chunks.push(chunk);
    });
    incoming.once("end", () => begin(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    return;
  }
  if (onChunk) incoming.on("data", onChunk);
  // The HTTP client destroys the stream it was given at its end, which must not be the server's own request.
  const stream = new PassThrough({ highWaterMark: 256 * 1024 });
  stream.on("error", () => {});
  // A length that is announced was judged before.
  if (limit && length === undefined) {
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      if (bytes > limit.bytes) return;
      bytes += chunk.length;
      if (bytes > limit.bytes) limit.onExceeded();
    });
  }
  incoming.pipe(stream);
  incoming.once("close", () => {
    if (!incoming.complete) stream.destroy(new Error("the client went away"));
  });
  begin(stream);
}
