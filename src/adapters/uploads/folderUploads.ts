import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { refuseOtherKey, type StoredContent, type UploadStore, UploadTooLarge } from "./uploadStore.ts";

/** Keeps uploads in a folder, which all replicas of the service must share. `maximum` in bytes. */
export function createFolderUploads(folder: string, maximum: number): UploadStore {
  const pathOf = (key: string): string => {
    refuseOtherKey(key);
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
