import { createWriteStream } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Tree } from "../../domain/truss/tree.ts";

/** Writes a tree below `folder`, which is made when missing. */
export async function writeTree(folder: string, tree: Tree): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, file] of tree) {
    const full = join(folder, path);
    await mkdir(file ? dirname(full) : full, { recursive: true });
    if (!file) continue;
    // In pieces: a file of weights may be larger than the memory.
    if (file.content instanceof Uint8Array) await writeFile(full, file.content);
    else await pipeline(file.content.pieces(), createWriteStream(full));
    if (file.executable) await chmod(full, 0o755);
  }
}
