import { open } from "node:fs/promises";

/** A large file of requests that a number alone tells: whoever checks the answers need not read the file. */

/** What a line is; all but `request` and `long` have no answer of the model. */
export type LineKind = "request" | "long" | "empty" | "not_json" | "not_utf8";

/** Bytes of the longest lines. */
const longBytes = 20 * 1024 ** 2;
const averageBytes = 16 * 1024;
/** Some of it needs an escape in JSON, some more than one byte in UTF-8. */
const unit = Buffer.from('The quick brown fox said \\"jumps\\" over the café\\u0020— lazy dog.. ');
const filler = Buffer.concat(Array.from({ length: Math.ceil(longBytes / unit.length) }, () => unit));

export class LargeFile {
  /** How many lines it has, the empty ones counted. */
  readonly lines: number;

  /** @param bytes - that it has, about */
  constructor(bytes: number) {
    this.lines = Math.max(1_000, Math.round((bytes - 2 * longBytes) / averageBytes));
  }

  /** @param line - from 1 */
  kindOf(line: number): LineKind {
    if (line === Math.round(this.lines * 0.05) || line === Math.round(this.lines * 0.93)) return "long";
    if (line % 5_000 === 17) return "empty";
    if (line % 10_000 === 123) return "not_json";
    return line % 10_000 === 321 ? "not_utf8" : "request";
  }

  /** What a line holds, without what ends it. */
  contentOf(line: number): Buffer {
    const kind = this.kindOf(line);
    if (kind === "empty") return Buffer.alloc(0);
    if (kind === "not_json") return Buffer.from(`{"n":${line},"text":`);
    if (kind === "not_utf8") return Buffer.from(`{"n":${line},"text":"caf\xe9"}`, "latin1");
    return Buffer.concat([Buffer.from(beginOf(line)), filler.subarray(0, textBytes(kind, line)), Buffer.from('"}')]);
  }

  /** Bytes of a line's content. */
  #lengthOf(line: number): number {
    const kind = this.kindOf(line);
    if (kind !== "request" && kind !== "long") return this.contentOf(line).length;
    return beginOf(line).length + textBytes(kind, line) + 2;
  }

  /** What ends a line: every other one CRLF, and the last one nothing. */
  #endOf(line: number): string {
    if (line === this.lines) return "";
    return line % 2 === 0 ? "\r\n" : "\n";
  }

  /** Where the text of a request stands in the file, in bytes. */
  placeOf(line: number): number {
    let place = beginOf(line).length;
    for (let before = 1; before < line; before += 1) place += this.#lengthOf(before) + this.#endOf(before).length;
    return place;
  }

  /** Answers its size. */
  async write(file: string): Promise<number> {
    const handle = await open(file, "w");
    try {
      let pieces: Buffer[] = [];
      let [waiting, size] = [0, 0];
      for (let line = 1; line <= this.lines; line += 1) {
        const end = this.#endOf(line);
        const content = this.contentOf(line);
        pieces.push(content, Buffer.from(end));
        waiting += content.length + end.length;
        if (waiting < 4 * 1024 ** 2 && line < this.lines) continue;
        await handle.writeFile(Buffer.concat(pieces));
        size += waiting;
        [pieces, waiting] = [[], 0];
      }
      return size;
    } finally {
      await handle.close();
    }
  }
}

const beginOf = (line: number): string => `{"n":${line},"text":"`;

/** From 70 bytes to twice the average, in an order without a pattern. */
function textBytes(kind: "request" | "long", line: number): number {
  const units = 1 + ((line * 7_919) % Math.floor((2 * averageBytes) / unit.length));
  return (kind === "long" ? Math.floor(longBytes / unit.length) : units) * unit.length;
}
