import { createReadStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";

/**
 * Puts the wanted files of a tar archive (plain, gzip or zstd) into `folder` under the names given, and answers which there were.
 *
 * @param wanted name → path inside the archive
 */
export async function unpack(
  archive: string,
  folder: string,
  wanted: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = new Map(Object.entries(wanted).map(([name, path]) => [path, name]));
  const inside = join(folder, ".unpacked");
  await mkdir(inside, { recursive: true });
  try {
    const reader = extract({
      cwd: inside,
      strict: true,
      filter: (path, entry) => names.has(plain(path)) && "type" in entry && entry.type === "File",
    });
    await pipeline(createReadStream(archive), reader, { signal });
    const found: string[] = [];
    for (const [path, name] of names) {
      const moved = await rename(join(inside, path), join(folder, name)).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return false;
          throw error;
        },
      );
      if (moved) found.push(name);
    }
    return found;
  } finally {
    await rm(inside, { recursive: true, force: true });
  }
}

function plain(path: string): string {
  return path.replace(/^(\.?\/)+/, "");
}
