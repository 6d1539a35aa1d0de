import { createHash, type Hash, hash } from "node:crypto";
import { type LineText, longestRequest } from "../../domain/batch/requestLine.ts";

/** A place in a file at which a line begins. */
export interface LinePlace {
  /** From 1. */
  readonly number: number;
  /** In bytes. */
  readonly offset: number;
}

/** A line of a file of requests. */
export interface InputLine extends LinePlace {
  /** What it holds, without a byte order mark and what ends it; of a line that is too long its SHA-256 alone. */
  readonly content: Buffer | { readonly sha256: string };
  /** Where the next one begins, in bytes. */
  readonly end: number;
}

const [tab, lineFeed, carriageReturn, space] = [0x09, 0x0a, 0x0d, 0x20];
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The lines of a file, one after the other. Of one that is too long nothing is kept, so that no file fills the memory.
 *
 * @param pieces - of the file, from the place on
 * @param longest - bytes of a line that is kept. @default {@link longestRequest}
 */
export async function* inputLines(
  pieces: AsyncIterable<Buffer>,
  from: LinePlace,
  longest: number = longestRequest,
): AsyncGenerator<InputLine> {
  let { number, offset } = from;
  let kept: Buffer[] = [];
  let length = 0;
  let tooLong: Hash | undefined;
  const keep = (piece: Buffer): void => {
    length += piece.length;
    kept.push(piece);
    if (length <= longest) return;
    tooLong ??= createHash("sha256");
    for (const each of kept) tooLong.update(each);
    kept = [];
  };
  const take = (separator: number): InputLine => {
    const content = tooLong ? { sha256: tooLong.digest("hex") } : contentOf(kept, number === 1);
    const line = { number, offset, content, end: offset + length + separator };
    [number, offset, length, kept, tooLong] = [number + 1, line.end, 0, [], undefined];
    return line;
  };
  for await (const piece of pieces) {
    let start = 0;
    for (let at = piece.indexOf(lineFeed); at >= 0; at = piece.indexOf(lineFeed, start)) {
      if (at > start) keep(piece.subarray(start, at));
      start = at + 1;
      yield take(1);
    }
    if (start < piece.length) keep(piece.subarray(start));
  }
  if (length > 0) yield take(0);
}

/** SHA-256 of what a line holds, in hexadecimal digits. */
export function sha256Of({ content }: InputLine): string {
  return Buffer.isBuffer(content) ? hash("sha256", content, "hex") : content.sha256;
}

export function textOf({ content }: InputLine): LineText {
  if (!Buffer.isBuffer(content)) return { unread: "line_too_long" };
  try {
    return { text: utf8.decode(content) };
  } catch {
    return { unread: "not_utf8" };
  }
}

/** Whether a line holds nothing but space. */
export function isBlank({ content }: InputLine): boolean {
  return Buffer.isBuffer(content) && content.every((byte) => byte === space || byte === tab || byte === carriageReturn);
}

function contentOf(pieces: readonly Buffer[], isFirst: boolean): Buffer {
  const [first] = pieces;
  const line = pieces.length === 1 && first ? first : Buffer.concat(pieces);
  const start = isFirst && line.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0;
  const isCarriageReturn = line.length > start && line[line.length - 1] === carriageReturn;
  return line.subarray(start, isCarriageReturn ? line.length - 1 : line.length);
}
