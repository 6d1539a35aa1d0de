import { type FileHandle, open, stat } from "node:fs/promises";
import { refuse } from "../../domain/batch/refusals.ts";
import { type LineFormat, lineFormat } from "../../domain/batch/requestLine.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { type InputLine, inputLines, isBlank, type LinePlace, textOf } from "./inputLines.ts";

/** A file of requests. */
export interface BatchInput {
  readonly file: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  /** By its first line that is not empty. */
  readonly format: LineFormat;
  /** Its lines from a place on. */
  lines(from: LinePlace): AsyncGenerator<InputLine>;
  /** @throws OperatorError where somebody has changed the file since it was opened. */
  requireUnchanged(): Promise<void>;
  close(): Promise<void>;
}

const beginning: LinePlace = { number: 1, offset: 0 };
/** Bytes that are read at once. */
const pieceBytes = 1024 ** 2;

/** Files that hold no lines of UTF-8 text, by their first bytes. */
const encodings: readonly { readonly begins: readonly number[]; readonly what: string; readonly fix: string }[] = [
  { begins: [0x1f, 0x8b], what: "compressed", fix: "unpack it by gunzip" },
  { begins: [0x28, 0xb5, 0x2f, 0xfd], what: "compressed", fix: "unpack it by unzstd" },
  { begins: [0xff, 0xfe], what: "UTF-16", fix: "convert it by iconv -f UTF-16 -t UTF-8" },
  { begins: [0xfe, 0xff], what: "UTF-16", fix: "convert it by iconv -f UTF-16 -t UTF-8" },
];

/** @throws OperatorError for what cannot be read, or is not text. */
export async function openInput(file: string): Promise<BatchInput> {
  const handle = await opened(file);
  try {
    const { size, mtimeMs, ino } = await handle.stat();
    await requireText(handle, file);
    const lines = (from: LinePlace) => inputLines(piecesOf(handle, from.offset), from);
    return {
      file,
      size,
      format: await formatOf(lines(beginning)),
      lines,
      async requireUnchanged() {
        const now = await handle.stat();
        if (now.size !== size || now.mtimeMs !== mtimeMs || now.ino !== ino) {
          throw refuse("batch.changed-meanwhile", { file });
        }
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function opened(file: string): Promise<FileHandle> {
  const unreadable = (reason: string, error?: unknown) => refuse("batch.input-unreadable", { file, reason }, error);
  try {
    // Opening a pipe waits for who writes to it.
    const found = await stat(file);
    if (found.isFile()) return await open(file, "r");
    throw unreadable(found.isDirectory() ? "it is a folder" : "it is not a regular file");
  } catch (error) {
    throw error instanceof OperatorError ? error : unreadable(messageOf(error), error);
  }
}

async function requireText(handle: FileHandle, file: string): Promise<void> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const found = encodings.find(({ begins }) => begins.every((byte, at) => at < bytesRead && buffer[at] === byte));
  if (found) throw refuse("batch.input-encoding", { file, what: found.what, fix: found.fix });
}

async function formatOf(lines: AsyncIterable<InputLine>): Promise<LineFormat> {
  for await (const line of lines) {
    if (isBlank(line)) continue;
    const content = textOf(line);
    return "text" in content ? lineFormat(content.text) : "bodies";
  }
  return "bodies";
}

/** Each piece has a buffer of its own: lines are parts of it for as long as they are under way. */
async function* piecesOf(handle: FileHandle, from: number): AsyncGenerator<Buffer> {
  for (let offset = from; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(pieceBytes), 0, pieceBytes, offset);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    offset += bytesRead;
  }
}
