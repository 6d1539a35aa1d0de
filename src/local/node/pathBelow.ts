import { mkdir, realpath } from "node:fs/promises";
import { join, normalize, sep } from "node:path";

/** A path leads out of the folder that it must stay in: its message says which, without naming what is there. */
export class PathLeadsOut extends Error {
  override readonly name = "PathLeadsOut";
}

/** Whether `path` is `folder` or lies in it, by name alone; both absolute and without `..`. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === sep ? sep : folder + sep);
}

/**
 * Real path of `path`, read as if `folder` were the root: `..` stops there. Answers undefined when nothing is there,
 * unless `make` is set: then missing folders are made. Containers write in such folders, so links are followed one by
 * one and nothing is made behind one that leads out. Throws {@link PathLeadsOut}, or the file system's own error.
 */
export async function pathBelow(
  folder: string,
  path: string,
  options: { readonly make: boolean },
): Promise<string | undefined> {
  const root = await realpath(folder);
  let at = root;
  for (const part of normalize(`/${path}`).split("/")) {
    if (part === "") continue;
    const next = join(at, part);
    const found = (await realPath(next)) ?? (options.make ? await made(next, path) : undefined);
    if (found === undefined) return undefined;
    if (!isInside(found, root)) throw new PathLeadsOut(`"${path}" leads out of its folder by a symbolic link`);
    at = found;
  }
  return at;
}

/** {@link pathBelow} of a folder that is made when it is not there. */
export async function folderBelow(folder: string, path: string): Promise<string> {
  const found = await pathBelow(folder, path, { make: true });
  if (found === undefined) throw new PathLeadsOut(`"${path}" cannot be made`);
  return found;
}

async function made(folder: string, path: string): Promise<string | undefined> {
  try {
    // Not recursive: this never follows a link in its last part.
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // Somebody else made it meanwhile, or it is a link to nothing, behind which nothing may be made.
    if ((await realPath(folder)) === undefined)
      throw new PathLeadsOut(`"${path}" goes over a symbolic link to nothing`);
  }
  return realPath(folder);
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
