import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One file of the log. Its name is the position of its first byte, so that names sort as positions do. */
export interface Segment {
  readonly path: string;
  readonly start: number;
  readonly bytes: number;
}

const digits = 16;
const namePattern = /^[0-9]{16}\.log$/;
const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function segmentPath(folder: string, start: number): string {
  return join(folder, `${String(start).padStart(digits, "0")}.log`);
}

/** The log's files, in order. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const names = (await readdir(folder)).filter((name) => namePattern.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, start: Number(name.slice(0, digits)), bytes: (await stat(path)).size };
    }),
  );
}

/** Removes the files that are wholly before `position`; the last one stays, for it tells where the log goes on. */
export async function removeBefore(folder: string, position: number): Promise<void> {
  const segments = await listSegments(folder);
  for (const { path, start, bytes } of segments.slice(0, -1)) {
    if (start + bytes <= position) await unlink(path);
  }
}

/**
 * The id of the log in `folder`, which is made with the log. What the database remembers of a log, it remembers by this id.
 */
export async function logId(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "log-id");
  const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (idPattern.test(known)) return known;
  const made = randomUUID();
  const temporary = `${path}.new`;
  await writeFile(temporary, made);
  await rename(temporary, path);
  return made;
}

/** Bytes of a file from `offset`, at most `length` of them. */
export async function readBytes(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await file.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
