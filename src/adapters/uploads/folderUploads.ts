import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What became of content that was stored. */
export interface StoredContent {
  /** Bytes. */
  readonly size: number;
  /** MD5, as S3's ETag. */
  readonly etag: string;
  /** SHA-256, 64 hex digits. */
  readonly sha256: string;
}

/** More than the store takes. */
export class UploadTooLarge extends Error {
  override readonly name = "UploadTooLarge";
}

/**
 * Where clients' uploads are kept until they are deployed. Keys are `<organization>/<uuid>/<name>`, of letters, digits,
 * dots and dashes, and chosen by the service alone. What is stored appears whole or not at all.
 */
export interface UploadStore {
  /** Keeps the content unless `check` of it throws. */
  put(key: string, content: Readable, check: (stored: StoredContent) => void): Promise<StoredContent>;
  /** The content, or undefined where there is none. */
  read(key: string): Promise<Buffer | undefined>;
  /** Makes one object of others, in order, and removes them. Undefined when one is missing. */
  join(key: string, parts: readonly string[]): Promise<StoredContent | undefined>;
  remove(key: string): Promise<void>;
  /** Removes what was stored more than `milliseconds` ago. */
  sweep(milliseconds: number): Promise<void>;
}

/** Keeps uploads in a folder, which all replicas of the service must share. `maximum` in bytes. */
export function createFolderUploads(folder: string, maximum: number): UploadStore {
  const pathOf = (key: string): string => {
    if (!/^[A-Za-z0-9-]+(\/[A-Za-z0-9.-]+)+$/.test(key) || key.includes("..")) throw new Error(`"${key}" is no key`);
    return join(folder, key);
  };
  const write = async (key: string, content: Readable, check: (stored: StoredContent) => void) => {
    const path = pathOf(key);
    await mkdir(dirname(path), { recursive: true });
    const draft = join(folder, `.draft-${randomUUID()}`);
    try {
      const stored = await written(content, draft, maximum);
      check(stored);
      await rename(draft, path);
      return stored;
    } finally {
      await rm(draft, { force: true });
    }
  };
  return {
    put: write,
    read: async (key) => unlessAbsent(readFile(pathOf(key))),
    async join(key, parts) {
      const sizes = await Promise.all(parts.map((part) => unlessAbsent(stat(pathOf(part)))));
      if (sizes.some((size) => !size)) return undefined;
      const stored = await write(key, concatenated(parts.map(pathOf)), () => {});
      await Promise.all(parts.map((part) => rm(pathOf(part), { force: true })));
      return stored;
    },
    remove: async (key) => rm(pathOf(key), { force: true, recursive: true }),
    async sweep(milliseconds) {
      const entries = (await unlessAbsent(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
      for (const entry of entries) {
        const path = join(entry.parentPath, entry.name);
        const age = Date.now() - ((await unlessAbsent(stat(path)))?.mtimeMs ?? Date.now());
        if (entry.isFile() && age > milliseconds) await rm(path, { force: true });
      }
    },
  };
}

async function written(content: Readable, path: string, maximum: number): Promise<StoredContent> {
  const [md5, sha256] = [createHash("md5"), createHash("sha256")];
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maximum) return done(new UploadTooLarge(`more than ${maximum} bytes`));
      md5.update(chunk);
      sha256.update(chunk);
      return done(null, chunk);
    },
  });
  await pipeline(content, measure, createWriteStream(path, { flags: "wx" }));
  return { size, etag: md5.digest("hex"), sha256: sha256.digest("hex") };
}

function concatenated(paths: readonly string[]): Readable {
  async function* chunks() {
    for (const path of paths) yield* createReadStream(path);
  }
  return Readable.from(chunks());
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
