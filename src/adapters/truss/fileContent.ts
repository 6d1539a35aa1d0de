import { closeSync, fstatSync, openSync, readFileSync, readSync, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import type { ContentOnDisk, FileContent } from "../../domain/truss/content.ts";
import { digest, digestOfPieces, type StreamedDigest, streamedDigest } from "../../domain/truss/digest.ts";
import { refuse } from "./refusals.ts";

/** A file's content, and what the file was just before it was read. */
export interface ReadFile {
  readonly content: FileContent;
  readonly stats: Stats;
}

/** Files of at most so many bytes are kept in memory… */
const keptSize = 64 * 1024;
/** …until they have so many together; after that only those of at most {@link alwaysKept}. */
const keptTogether = 64 * 1024 * 1024;
const alwaysKept = 1024;
/** What is read of a file at once, in bytes. */
const pieceSize = 1024 * 1024;

/** Path of a file that stays on disk: it is read in pieces, by {@link LargeFileReader} or {@link readLargeSync}. */
export interface LargeFile {
  readonly large: string;
}

/** Reads the files of one folder. Its memory is bounded, whatever the files' sizes. */
export class FileReader {
  #together = 0;

  /** Counts content that is kept from an earlier reading. */
  keep(content: FileContent): void {
    if (content instanceof Uint8Array) this.#together += content.length;
  }

  /** Reads at once what is kept in memory, which is several times faster for many small files. */
  read(full: string): ReadFile | LargeFile {
    const file = openSync(full, "r");
    try {
      const stats = fstatSync(file);
      const isKept = stats.size <= (this.#together > keptTogether ? alwaysKept : keptSize);
      if (!isKept) return { large: full };
      const bytes = room(stats.size);
      // A shorter reading: it shrinks while it is read.
      const content = readSync(file, bytes, 0, stats.size, 0) === stats.size ? bytes : readFileSync(full);
      this.keep(content);
      return { content, stats };
    } finally {
      closeSync(file);
    }
  }
}

/** Reads large files of one folder, one after the other. */
export class LargeFileReader {
  #hash: StreamedDigest | undefined;

  async read({ large }: LargeFile): Promise<ReadFile> {
    this.#hash ??= await streamedDigest();
    return contentOnDisk(large, this.#hash);
  }
}

/** Reads a large file at once, in bounded memory. */
export function readLargeSync({ large: full }: LargeFile): ReadFile {
  const hash = digestOfPieces();
  const file = openSync(full, "r");
  try {
    const stats = fstatSync(file);
    const piece = Buffer.allocUnsafeSlow(pieceSize);
    let size = 0;
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
      size += read;
    }
    return { content: onDisk(full, size, hash.digest()), stats };
  } finally {
    closeSync(file);
  }
}

/** What a file that is not kept in memory holds; `hash` is nobody else's meanwhile. */
async function contentOnDisk(full: string, hash: StreamedDigest): Promise<ReadFile> {
  const file = await open(full, "r");
  try {
    const stats = await file.stat();
    hash.init();
    let size = 0;
    for await (const piece of piecesOf(file)) {
      hash.update(piece);
      size += piece.length;
    }
    return { content: onDisk(full, size, hash.digest("binary")), stats };
  } finally {
    await file.close();
  }
}

function onDisk(full: string, size: number, known: Uint8Array): ContentOnDisk {
  const refuseOther = (found: Uint8Array): void => {
    if (Buffer.compare(found, known) !== 0) throw refuse("truss.file-changed", { full });
  };
  return {
    size,
    digest: known,
    read() {
      const bytes = readFileSync(full);
      refuseOther(digest(bytes));
      return bytes;
    },
    async *pieces() {
      const hash = await streamedDigest();
      hash.init();
      const file = await open(full, "r");
      try {
        for await (const piece of piecesOf(file)) {
          hash.update(piece);
          yield piece;
        }
      } finally {
        await file.close();
      }
      refuseOther(hash.digest("binary"));
    },
  };
}

/** Every piece has memory of its own: whoever takes it may keep it until it is written. */
async function* piecesOf(file: Awaited<ReturnType<typeof open>>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(pieceSize), 0, pieceSize, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Small files share their memory, in pieces of so many bytes: ten thousand buffers of their own are slow to make and to free. */
const sharedSize = 64 * 1024;
let shared = Buffer.alloc(0);
let used = 0;

function room(size: number): Buffer {
  if (size > sharedSize / 4) return Buffer.allocUnsafeSlow(size);
  if (used + size > shared.length) {
    shared = Buffer.allocUnsafeSlow(sharedSize);
    used = 0;
  }
  used += size;
  return shared.subarray(used - size, used);
}
