import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readlink, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeFile } from "./volumeFiles.ts";

/** Name of the generation folder that holds exactly `files`; equal files give an equal name. */
export function generationOf(files: readonly VolumeFile[]): string {
  const hash = createHash("sha256");
  for (const { path, mode, content } of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    hash.update(`${path}\0${mode}\0${content.length}\0`).update(content);
  }
  return `..${hash.digest("hex").slice(0, 20)}`;
}

/** First path components of `files`: the symbolic links that a reader sees, each pointing into `..data`. */
export function visibleNames(files: readonly VolumeFile[]): string[] {
  return [...new Set(files.map(({ path }) => path.split("/")[0] ?? path))].sort();
}

/**
 * Makes `folder` hold exactly `files`, in one step for readers: the files stand in a generation folder, `..data`
 * is a link to it that is replaced by rename, and every visible name is a link through `..data`; the layout that
 * kubelet's atomic writer makes and that programs watching mounted ConfigMaps expect. Answers whether anything changed.
 */
export async function writeAtomicVolume(folder: string, files: readonly VolumeFile[]): Promise<boolean> {
  const generation = generationOf(files);
  const before = await readlink(join(folder, "..data")).catch(() => undefined);
  if (before === generation) return false;
  const fresh = join(folder, generation);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const { path, content, mode } of files) {
    const target = join(fresh, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    await chmod(target, mode);
  }
  const names = visibleNames(files);
  const pointer = join(folder, "..data_tmp");
  await rm(pointer, { force: true });
  await symlink(generation, pointer);
  await rename(pointer, join(folder, "..data"));
  for (const name of names) {
    await symlink(join("..data", name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  await sweep(folder, new Set([...names, generation, "..data"]));
  return true;
}

async function sweep(folder: string, kept: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (kept.has(entry.name)) continue;
    const path = join(folder, entry.name);
    await (entry.isDirectory() ? rm(path, { recursive: true, force: true }) : unlink(path));
  }
}
