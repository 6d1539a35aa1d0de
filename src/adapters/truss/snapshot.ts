import {
  closeSync,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { badInput } from "../../domain/errors.ts";
import { loadFastDigest } from "../../domain/truss/digest.ts";
import { defaultIgnorePatterns, ignoreFilename, parseIgnoreFile } from "../../domain/truss/ignore.ts";
import { ignoreRule } from "../../domain/truss/ignoreRule.ts";
import { comparePaths, type SnapshotEntry, type TrussSnapshot } from "../../domain/truss/snapshot.ts";

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
export async function readTruss(folder: string, cache?: ReadCache): Promise<TrussReading> {
  await loadFastDigest();
  const patterns = await trussIgnorePatterns(folder);
  return { snapshot: await readSnapshot(folder, patterns, cache), patterns };
}

/** Patterns of the truss's own `.truss_ignore`, which replace the default list. */
export async function trussIgnorePatterns(folder: string): Promise<readonly string[]> {
  try {
    return parseIgnoreFile(readFileSync(join(folder, ignoreFilename), "utf8"));
  } catch (error) {
    if (isGone(error)) return defaultIgnorePatterns;
    throw error;
  }
}

/**
 * Files as they were read before, by path: those that have not changed since are not read again, and keep their bytes'
 * identity, by which hashes are known.
 */
export type ReadCache = Map<string, KnownFile>;

interface KnownFile {
  readonly stamp: Stamp;
  /** Whether the stamp was old enough when the file was read to tell every later write from it. */
  readonly isSettled: boolean;
  readonly entry: SnapshotEntry & { readonly kind: "file" };
}

type Stamp = Pick<Stats, "ino" | "size" | "mtimeMs" | "ctimeMs" | "mode">;

/** File systems count time in ticks: two writes within one leave the same stamp. In milliseconds, a generous tick. */
const tickMs = 50;
/** Reading is synchronous, which is several times faster for many small files; so often others get their turn. */
const foldersPerTurn = 16;

/**
 * Reads every path below `folder`, each file once, without entering what `patterns` leave out.
 *
 * @param cache - files that were read before; brought up to date.
 * @throws OperatorError when `folder` is not a folder, or a name below it is not UTF-8.
 */
export async function readSnapshot(
  folder: string,
  patterns: readonly string[] = [],
  cache?: ReadCache,
): Promise<TrussSnapshot> {
  const info = statSync(folder, { throwIfNoEntry: false });
  if (!info?.isDirectory()) throw badInput(`truss "${folder}": no such folder; give the folder that holds config.yaml`);
  const entries = new Map<string, SnapshotEntry>();
  const isIgnored = ignoreRule(patterns);
  let visited = 0;
  // In the order of their names, each folder before what it holds: the order in which paths are hashed.
  const visit = async (parent: string): Promise<void> => {
    visited += 1;
    if (visited % foldersPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const item of itemsOf(folder, parent)) {
      const path = parent === "" ? item.name : `${parent}/${item.name}`;
      const entry = readEntry(`${folder}/${path}`, item, (isFolder) => isIgnored(path, isFolder), path, cache);
      if (!entry) continue;
      entries.set(path, entry);
      if (entry.kind === "dir") await visit(path);
    }
  };
  await visit("");
  for (const path of cache?.keys() ?? []) if (!entries.has(path)) cache?.delete(path);
  return { entries, leftOut: patterns };
}

function itemsOf(folder: string, parent: string): Dirent[] {
  const full = join(folder, parent);
  try {
    const items = readdirSync(full, { withFileTypes: true });
    if (items.some(({ name }) => name.includes("\ufffd"))) refuseOtherEncodings(full, folder);
    return items.sort((a, b) => comparePaths(a.name, b.name));
  } catch (error) {
    // Removed since its own folder was listed.
    if (parent !== "" && isGone(error)) return [];
    throw error;
  }
}

/** The entry at `full`; undefined when it is left out or vanished since its folder was listed. */
function readEntry(
  full: string,
  item: Dirent,
  isIgnored: (isFolder: boolean) => boolean,
  path: string,
  cache: ReadCache | undefined,
): SnapshotEntry | undefined {
  try {
    if (item.isDirectory()) return isIgnored(true) ? undefined : { kind: "dir" };
    if (item.isSymbolicLink()) {
      const target = readlinkSync(full);
      const led = statOfTarget(full);
      if (isIgnored(led?.isDirectory() ?? false)) return undefined;
      if (led?.isFile()) return { kind: "symlink", target, leadsTo: "file", bytes: readFileSync(full) };
      return { kind: "symlink", target, leadsTo: led?.isDirectory() ? "dir" : "nothing" };
    }
    if (isIgnored(false)) return undefined;
    return item.isFile() ? readFile(full, path, cache) : { kind: "other" };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What a symbolic link leads to; undefined where that is nothing, a circle of links too, as for Python's `Path.is_file`. */
function statOfTarget(link: string): Stats | undefined {
  try {
    return statSync(link, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOOP") return undefined;
    throw error;
  }
}

function readFile(full: string, path: string, cache: ReadCache | undefined): SnapshotEntry {
  const known = cache?.get(path);
  if (known?.isSettled && isSameStamp(known.stamp, lstatSync(full))) return known.entry;
  const now = Date.now();
  const { bytes, stats } = readOnce(full);
  const executable = (stats.mode & 0o111) !== 0;
  const isUnchanged = known && known.entry.executable === executable && bytes.equals(known.entry.bytes);
  const entry = isUnchanged ? known.entry : ({ kind: "file", bytes, executable } as const);
  if (cache) {
    const { ino, size, mtimeMs, ctimeMs, mode } = stats;
    const isSettled = Math.max(ctimeMs, mtimeMs) < now - tickMs;
    cache.set(path, { stamp: { ino, size, mtimeMs, ctimeMs, mode }, isSettled, entry });
  }
  return entry;
}

/** Small files share their memory, in pieces of so many bytes: ten thousand buffers of their own are slow to make and to free. */
const pieceSize = 64 * 1024;
let piece = Buffer.alloc(0);
let used = 0;

function room(size: number): Buffer {
  if (size > pieceSize / 4) return Buffer.allocUnsafeSlow(size);
  if (used + size > piece.length) {
    piece = Buffer.allocUnsafeSlow(pieceSize);
    used = 0;
  }
  used += size;
  return piece.subarray(used - size, used);
}

/** Content of a file, and what it was just before. */
function readOnce(full: string): { readonly bytes: Buffer; readonly stats: Stats } {
  const file = openSync(full, "r");
  try {
    const stats = fstatSync(file);
    const bytes = room(stats.size);
    if (readSync(file, bytes, 0, stats.size, 0) === stats.size) return { bytes, stats };
    // It shrinks while it is read.
    return { bytes: readFileSync(full), stats };
  } finally {
    closeSync(file);
  }
}

function isSameStamp(a: Stamp, b: Stamp): boolean {
  return (
    a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.size === b.size && a.ino === b.ino && a.mode === b.mode
  );
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function refuseOtherEncodings(full: string, folder: string): void {
  for (const bytes of readdirSync(full, { encoding: "buffer" })) {
    const name = bytes.toString("utf8");
    if (Buffer.from(name).equals(bytes)) continue;
    throw badInput(`truss "${folder}": the file name ${JSON.stringify(name)} is not UTF-8; rename it`);
  }
}
