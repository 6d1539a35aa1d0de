import { once } from "node:events";
import type { Transform } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";
import type { Piece } from "../../domain/protocols/join.ts";
import { codingsNamed, isZlib, longestDecoded } from "./decodedBody.ts";

const chunkSize = 64 * 1024;
const flush = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH, chunkSize };

/** Content codings that streams come in; each decodes what came of a body that broke off. */
const decoders: Readonly<Record<string, (begin: Uint8Array) => Transform>> = {
  gzip: () => createGunzip(flush),
  "x-gzip": () => createGunzip(flush),
  deflate: (begin) => (isZlib(begin) ? createInflate(flush) : createInflateRaw(flush)),
  br: () => createBrotliDecompress({ chunkSize }),
  zstd: () => createZstdDecompress({ chunkSize }),
};

/**
 * A body's pieces decoded, each with the time of the piece that it came in. Undefined where its coding is unknown, its bytes are damaged, or it
 * decodes to more than what is held in memory.
 *
 * @param encoding - as the header names it; null where it has none
 * @param longest - what it may decode to, in bytes
 */
export async function decodedPieces(
  pieces: readonly Piece[],
  encoding: string | null,
  longest = longestDecoded,
): Promise<readonly Piece[] | undefined> {
  let decoded: readonly Piece[] | undefined = pieces;
  // The last one was applied last.
  for (const coding of codingsNamed(encoding ?? "").toReversed()) {
    const decoder: Transform | undefined = decoders[coding]?.(beginOf(decoded));
    decoded = decoder && (await decode(decoder, decoded, longest));
    if (!decoded) return undefined;
  }
  return decoded;
}

async function decode(decoder: Transform, pieces: readonly Piece[], longest: number): Promise<Piece[] | undefined> {
  const decoded: Piece[] = [];
  let at = 0;
  let bytes = 0;
  decoder.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > longest) decoder.destroy(new Error("the body decodes to too much"));
    decoded.push({ bytes: chunk, at });
  });
  const failed = once(decoder, "error").then(() => true);
  try {
    for (const piece of pieces) {
      at = piece.at;
      const written = new Promise<boolean>((resolve) => decoder.write(piece.bytes, () => resolve(false)));
      if (await Promise.race([written, failed])) return undefined;
      // What a piece decodes to comes after it is taken, and before the next is.
      await nextTurn();
      if (decoder.destroyed) return undefined;
    }
    return decoded;
  } finally {
    decoder.destroy();
  }
}

function beginOf([first, second]: readonly Piece[]): Uint8Array {
  const bytes = first?.bytes ?? new Uint8Array();
  return bytes.length >= 2 ? bytes : Buffer.concat([bytes, second?.bytes ?? new Uint8Array()]);
}
