import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type InputLine, inputLines, isBlank, sha256Of, textOf } from "../../../../src/adapters/batch/inputLines.ts";

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collected(lines: AsyncIterable<InputLine>): Promise<InputLine[]> {
  const all: InputLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

async function linesOf(text: string | Buffer, { size = 7, longest = 1_000_000 } = {}): Promise<InputLine[]> {
  return collected(inputLines(cut(Buffer.from(text), size), { number: 1, offset: 0 }, longest));
}

const texts = (lines: readonly InputLine[]) => lines.map((line) => textOf(line));
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("the lines of a file", () => {
  const content = "\ufeff{}\r\none\n\n  \r\n\u00e9\ud83d\ude00\r\nlast";
  const expected = ["{}", "one", "", "  ", "\u00e9\ud83d\ude00", "last"].map((text) => ({ text }));

  it.each([1, 2, 3, 5, 100])(
    "are the same, whatever ends them and however the file is read: %i bytes at once",
    async (size) => {
      const lines = await linesOf(content, { size });
      expect(texts(lines)).toEqual(expected);
      expect(lines.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(lines.map(sha256Of)).toEqual(expected.map(({ text }) => sha256(text)));
      expect(lines.map(isBlank)).toEqual([false, false, true, true, false, false]);
    },
  );

  it("can be read from any of them on", async () => {
    const lines = await linesOf(content);
    const bytes = Buffer.from(content);
    for (const { number, offset } of lines) {
      const rest = await collected(inputLines(cut(bytes.subarray(offset), 4), { number, offset }));
      expect(rest).toEqual(lines.slice(number - 1));
    }
    expect(lines.at(-1)?.end).toBe(bytes.length);
  });

  it("are none of an empty file, and a line feed at the end begins no other", async () => {
    expect(await linesOf("")).toEqual([]);
    expect(texts(await linesOf("a\n"))).toEqual([{ text: "a" }]);
    expect(texts(await linesOf("\n"))).toEqual([{ text: "" }]);
  });

  it("that are too long are not kept, but known by their SHA-256", async () => {
    const long = "x".repeat(101);
    const lines = await linesOf(`a\n${long}\nb\n${long}`, { longest: 100 });
    expect(texts(lines)).toEqual([
      { text: "a" },
      { unread: "line_too_long" },
      { text: "b" },
      { unread: "line_too_long" },
    ]);
    expect(sha256Of(lines[1] as InputLine)).toBe(sha256(long));
    expect(lines.map(isBlank)).toEqual([false, false, false, false]);
    expect(texts(await linesOf(long.slice(1), { longest: 100 }))).toEqual([{ text: long.slice(1) }]);
  });

  it("that are not UTF-8 say so, and the others are read", async () => {
    const lines = await linesOf(Buffer.concat([Buffer.from("a\n"), Buffer.from([0xe9, 0x0a]), Buffer.from("b")]));
    expect(texts(lines)).toEqual([{ text: "a" }, { unread: "not_utf8" }, { text: "b" }]);
  });
});
