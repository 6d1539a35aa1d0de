import { longestLine } from "../../domain/samples/format.ts";
import type { SampleLine } from "../../domain/samples/reader.ts";

const lineFeed = 0x0a;

/** The lines of a stream of bytes. One that is too long is not kept, so that no file fills the memory. */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  longest: number = longestLine,
): AsyncGenerator<SampleLine> {
  let kept: Uint8Array[] = [];
  let length = 0;
  const take = (isEnded: boolean): SampleLine => {
    const bytes = length > longest ? undefined : Buffer.concat(kept);
    kept = [];
    length = 0;
    return { bytes, isEnded };
  };
  const keep = (piece: Uint8Array): void => {
    length += piece.length;
    if (length > longest) kept = [];
    else kept.push(piece);
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf(lineFeed); at >= 0; at = piece.indexOf(lineFeed, from)) {
      keep(piece.subarray(from, at));
      from = at + 1;
      yield take(true);
    }
    if (from < piece.length) keep(piece.subarray(from));
  }
  if (length > 0) yield take(false);
}
