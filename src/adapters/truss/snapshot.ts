import type { Dirent } from "node:fs";
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { badInput } from "../../domain/errors.ts";
import { defaultIgnorePatterns, ignoreFilename, ignoreRule, parseIgnoreFile } from "../../domain/truss/ignore.ts";
import type { SnapshotEntry, TrussSnapshot } from "../../domain/truss/snapshot.ts";

/** A truss folder, read once, and the patterns that were left out. */
export interface TrussReading {
  readonly snapshot: TrussSnapshot;
  readonly patterns: readonly string[];
}

/**
 * Reads a truss as `truss push` and `truss watch` see it: without what its `.truss_ignore` names, or the library's
 * default list when it has none.
 * @throws OperatorError when `folder` is not a folder.
 */
export async function readTruss(folder: string): Promise<TrussReading> {
  const patterns = await trussIgnorePatterns(folder);
  return { snapshot: await readSnapshot(folder, patterns), patterns };
}

/** Patterns of the truss's own `.truss_ignore`, which replace the default list. */
export async function trussIgnorePatterns(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, ignoreFilename), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  return text === undefined ? defaultIgnorePatterns : parseIgnoreFile(text);
}

/** Entries of one folder that are read at a time; bounds open files. */
const readsAtOnce = 16;

/**
 * Reads every path below `folder`, each file once, without entering what `patterns` leave out.
 * @throws OperatorError when `folder` is not a folder, or a name below it is not UTF-8.
 */
export async function readSnapshot(folder: string, patterns: readonly string[] = []): Promise<TrussSnapshot> {
  const info = await stat(folder).catch(() => undefined);
  if (!info?.isDirectory()) throw badInput(`truss "${folder}": no such folder; give the folder that holds config.yaml`);
  const entries = new Map<string, SnapshotEntry>();
  const isIgnored = ignoreRule(patterns);

  const add = async (parent: string, name: string): Promise<void> => {
    const path = parent === "" ? name : `${parent}/${name}`;
    const entry = await readEntry(join(folder, path), (isFolder) => isIgnored(path, isFolder));
    if (!entry) return;
    entries.set(path, entry);
    if (entry.kind === "dir") await visit(path);
  };
  const visit = async (parent: string): Promise<void> => {
    const found = await readdir(join(folder, parent), { withFileTypes: true, encoding: "buffer" });
    for (let start = 0; start < found.length; start += readsAtOnce) {
      await Promise.all(found.slice(start, start + readsAtOnce).map((item) => add(parent, nameOf(item, folder))));
    }
  };
  await visit("");
  return { entries };
}

/** The entry at `full`; undefined when it is left out or vanished since its folder was listed. */
async function readEntry(full: string, isIgnored: (isFolder: boolean) => boolean): Promise<SnapshotEntry | undefined> {
  try {
    const info = await lstat(full);
    if (info.isDirectory()) return isIgnored(true) ? undefined : { kind: "dir" };
    if (info.isSymbolicLink()) {
      const target = await readlink(full);
      const led = await stat(full).catch(() => undefined);
      if (isIgnored(led?.isDirectory() ?? false)) return undefined;
      if (led?.isFile()) return { kind: "symlink", target, leadsTo: "file", bytes: await readFile(full) };
      return { kind: "symlink", target, leadsTo: led?.isDirectory() ? "dir" : "nothing" };
    }
    if (isIgnored(false)) return undefined;
    if (!info.isFile()) return { kind: "other" };
    return { kind: "file", bytes: await readFile(full), executable: (info.mode & 0o111) !== 0 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function nameOf(item: Dirent<NonSharedBuffer>, folder: string): string {
  const name = item.name.toString("utf8");
  if (!Buffer.from(name).equals(item.name)) {
    throw badInput(`truss "${folder}": the file name ${JSON.stringify(name)} is not UTF-8; rename it`);
  }
  return name;
}
