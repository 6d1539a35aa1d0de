import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Tree } from "../../domain/truss/tree.ts";

/** Writes a tree below `folder`, which is made when missing. */
export async function writeTree(folder: string, tree: Tree): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, file] of tree) {
    const full = join(folder, path);
    await mkdir(file ? dirname(full) : full, { recursive: true });
    if (!file) continue;
    await writeFile(full, file.bytes);
    if (file.executable) await chmod(full, 0o755);
  }
}
