import { type Dirent, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { FileContent } from "../../domain/truss/content.ts";
import { loadFastDigest } from "../../domain/truss/digest.ts";
import { defaultIgnorePatterns, ignoreFilename, parseIgnoreFile } from "../../domain/truss/ignore.ts";
import { ignoreRule } from "../../domain/truss/ignoreRule.ts";
import { comparePaths, isSameEntry, type SnapshotEntry, type TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { FileReader, type LargeFile, LargeFileReader, type ReadFile, readLargeSync } from "./fileContent.ts";
import { refuse } from "./refusals.ts";

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
  const patterns = trussIgnorePatterns(folder);
  return { snapshot: await readSnapshot(folder, patterns, cache), patterns };
}

/**
 * The same at once, for whoever cannot wait: a program that declares a component. Nothing else has its turn meanwhile, so a service reads by
 * {@link readTruss}.
 */
export function readTrussSync(folder: string): TrussReading {
  const patterns = trussIgnorePatterns(folder);
  const steps = snapshotSteps(folder, patterns, undefined);
  let step = steps.next();
  while (!step.done) step = steps.next(step.value === "turn" ? undefined : readLargeSync(step.value));
  return { snapshot: step.value, patterns };
}

/** Patterns of the truss's own `.truss_ignore`, which replace the default list. */
export function trussIgnorePatterns(folder: string): readonly string[] {
  try {
    return parseIgnoreFile(readFileSync(join(folder, ignoreFilename), "utf8"));
  } catch (error) {
    if (isGone(error)) return defaultIgnorePatterns;
    throw error;
  }
}

/**
 * Files as they were read before, by path: those that have not changed since are not read again, and keep their entry's
 * identity.
 */
export type ReadCache = Map<string, KnownFile>;

interface KnownFile {
  readonly stamp: Stamp;
  /** Whether the stamp was old enough when the file was read to tell every later write from it. */
  readonly isSettled: boolean;
  readonly entry: ContentEntry;
}

type ContentEntry = Extract<SnapshotEntry, { readonly content?: FileContent }> & { readonly content: FileContent };

/** What one reading of a folder shares. */
interface Reading {
  readonly files: FileReader;
  readonly cache: ReadCache | undefined;
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
  const steps = snapshotSteps(folder, patterns, cache);
  const large = new LargeFileReader();
  let step = steps.next();
  while (!step.done) {
    if (step.value === "turn") await new Promise((resolve) => setImmediate(resolve));
    step = steps.next(step.value === "turn" ? undefined : await large.read(step.value));
  }
  return step.value;
}

/** What a reading asks of whoever does it: to give others their turn, or for a file that is too large to be read at once. */
type Step = "turn" | LargeFile;
type Steps<Answer> = Generator<Step, Answer, ReadFile | undefined>;

function* snapshotSteps(
  folder: string,
  patterns: readonly string[],
  cache: ReadCache | undefined,
): Steps<TrussSnapshot> {
  const info = statSync(folder, { throwIfNoEntry: false });
  if (!info?.isDirectory()) throw refuse("truss.folder-missing", { folder });
  const entries = new Map<string, SnapshotEntry>();
  const isIgnored = ignoreRule(patterns);
  const reading: Reading = { files: new FileReader(), cache };
  let visited = 0;
  // In the order of their names, each folder before what it holds: the order in which paths are hashed.
  function* visit(parent: string): Steps<void> {
    visited += 1;
    if (visited % foldersPerTurn === 0) yield "turn";
    for (const item of itemsOf(folder, parent)) {
      const path = parent === "" ? item.name : `${parent}/${item.name}`;
      const entry = yield* readEntry(reading, `${folder}/${path}`, item, (isFolder) => isIgnored(path, isFolder), path);
      if (!entry) continue;
      entries.set(path, entry);
      if (entry.kind === "dir") yield* visit(path);
    }
  }
  yield* visit("");
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
    throw unreadable(full, error);
  }
}

/** The entry at `full`; undefined when it is left out or vanished since its folder was listed. */
function* readEntry(
  reading: Reading,
  full: string,
  item: Dirent,
  isIgnored: (isFolder: boolean) => boolean,
  path: string,
): Steps<SnapshotEntry | undefined> {
  try {
    if (item.isDirectory()) return isIgnored(true) ? undefined : { kind: "dir" };
    if (item.isSymbolicLink()) {
      const target = readlinkSync(full);
      const led = statOfTarget(full);
      if (isIgnored(led?.isDirectory() ?? false)) return undefined;
      if (!led?.isFile()) return { kind: "symlink", target, leadsTo: led?.isDirectory() ? "dir" : "nothing" };
      return yield* readFile(reading, full, path, target);
    }
    if (isIgnored(false)) return undefined;
    return item.isFile() ? yield* readFile(reading, full, path) : { kind: "other" };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw unreadable(full, error);
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

/** A file, or the one that a link with this `target` leads to. */
function* readFile({ files, cache }: Reading, full: string, path: string, target?: string): Steps<SnapshotEntry> {
  const before = cache?.get(path);
  const known = before && targetOf(before.entry) === target ? before : undefined;
  if (known?.isSettled && isSameStamp(known.stamp, statSync(full))) {
    files.keep(known.entry.content);
    return known.entry;
  }
  const now = Date.now();
  const read = files.read(full);
  const answer = "large" in read ? yield read : read;
  if (!answer) throw new Error(`${full} was not read`);
  const { content, stats } = answer;
  const executable = (stats.mode & 0o111) !== 0;
  const entry: ContentEntry =
    target === undefined
      ? { kind: "file", content, executable }
      : { kind: "symlink", target, leadsTo: "file", content };
  const kept = known && isSameEntry(known.entry, entry) ? known.entry : entry;
  if (cache) {
    const { ino, size, mtimeMs, ctimeMs, mode } = stats;
    const isSettled = Math.max(ctimeMs, mtimeMs) < now - tickMs;
    cache.set(path, { stamp: { ino, size, mtimeMs, ctimeMs, mode }, isSettled, entry: kept });
  }
  return kept;
}

function targetOf(entry: ContentEntry): string | undefined {
  return entry.kind === "symlink" ? entry.target : undefined;
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

/** One sentence for what this user may not read; everything else passes unchanged. */
function unreadable(full: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EACCES" && code !== "EPERM") return error;
  return refuse("truss.file-unreadable", { full, ignoreFilename }, error);
}

function refuseOtherEncodings(full: string, folder: string): void {
  for (const bytes of readdirSync(full, { encoding: "buffer" })) {
    const name = bytes.toString("utf8");
    if (Buffer.from(name).equals(bytes)) continue;
    throw refuse("truss.name-not-utf8", { folder, name: JSON.stringify(name) });
  }
}
