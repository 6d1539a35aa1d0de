import { badInput } from "../errors.ts";
import { pathMistake } from "../patch/operationSchema.ts";
import type { SnapshotEntry, TrussSnapshot } from "../truss/snapshot.ts";

/** Bounds of an archive that a client uploads. */
export interface ArchiveLimits {
  /** Bytes of the archive, and so of all files in it. */
  readonly size: number;
  readonly files: number;
}

const block = 512;
/** Longest metadata of one entry, in bytes: names and comments. */
const longestMetadata = 1024 * 1024;

/**
 * Reads a truss out of a tar archive (POSIX.1-2001 ustar and pax, and GNU's long names, as Python's `tarfile` writes
 * them). Files and folders only: whatever else an archive may hold (links, devices), and any path that leads out of the
 * truss or stands in it twice, is refused. Nothing is written anywhere.
 *
 * @throws OperatorError with the entry and what is wrong with it.
 */
export function readArchive(archive: Uint8Array, limits: ArchiveLimits): TrussSnapshot {
  if (archive.length > limits.size) throw badInput(`the archive has ${archive.length} bytes; at most ${limits.size}`);
  const entries = new Map<string, SnapshotEntry>();
  let longName: string | undefined;
  for (let at = 0; ; ) {
    if (at + block > archive.length) throw badInput("the archive is cut off");
    const header = archive.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return { entries };
    checkSum(header, at);
    const size = octal(header.subarray(124, 136));
    const begin = at + block;
    if (begin + size > archive.length) throw badInput("the archive is cut off");
    const content = archive.subarray(begin, begin + size);
    at = begin + Math.ceil(size / block) * block;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === "g") continue;
    if (type === "x" || type === "L") {
      if (size > longestMetadata) throw badInput("the archive holds a name of more than a megabyte");
      longName = (type === "L" ? text(content) : paxPath(content)) ?? longName;
      continue;
    }
    const name = longName ?? headerName(header);
    longName = undefined;
    if (entries.size >= limits.files) throw badInput(`the archive holds more than ${limits.files} files`);
    if (type === "5") addFolder(entries, name.replace(/\/$/, ""));
    else if (type === "0" || type === "\0")
      addFile(entries, name, content, (octal(header.subarray(100, 108)) & 0o111) !== 0);
    else throw badInput(`the archive's ${shown(name)}: is no file or folder; links and devices are not taken`);
  }
}

function addFile(entries: Map<string, SnapshotEntry>, path: string, bytes: Uint8Array, executable: boolean): void {
  refuseOutside(path);
  if (entries.has(path)) throw badInput(`the archive's ${shown(path)}: is in it twice`);
  addFolder(entries, path.split("/").slice(0, -1).join("/"));
  entries.set(path, { kind: "file", content: Uint8Array.from(bytes), executable });
}

/** The folder and those above it. */
function addFolder(entries: Map<string, SnapshotEntry>, path: string): void {
  if (path === "" || path === ".") return;
  refuseOutside(path);
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const folder = parts.slice(0, depth).join("/");
    const known = entries.get(folder);
    if (known && known.kind !== "dir") throw badInput(`the archive's ${shown(folder)}: is a file and a folder`);
    entries.set(folder, { kind: "dir" });
  }
}

function refuseOutside(path: string): void {
  const mistake = pathMistake(path);
  if (mistake) throw badInput(`the archive's ${shown(path)}: its path ${mistake}; it must lie inside the truss`);
}

/** Sum of the header's bytes with blanks for the sum itself. */
function checkSum(header: Uint8Array, at: number): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== octal(header.subarray(148, 156)))
    throw badInput(`the archive is no tar: its header at byte ${at} is wrong`);
}

function octal(field: Uint8Array): number {
  const digits = text(field).trim();
  if (!/^[0-7]*$/.test(digits)) throw badInput("the archive holds a number that is not octal");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  const prefix = text(header.subarray(257, 262)) === "ustar" ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** `path` of pax records, each "<length> <key>=<value>\n". */
function paxPath(content: Uint8Array): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(32, at);
    const length = Number(text(content.subarray(at, Math.max(blank, at))));
    if (blank < 0 || !Number.isInteger(length) || length <= blank - at || at + length > content.length) {
      throw badInput("the archive holds a broken pax header");
    }
    const record = decoded(content.subarray(blank + 1, at + length - 1));
    if (record.startsWith("path=")) path = record.slice("path=".length);
    at += length;
  }
  return path;
}

/** Text up to the first NUL. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decoded(end < 0 ? field : field.subarray(0, end));
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw badInput("the archive holds a name that is not UTF-8", error);
  }
}

function shown(path: string): string {
  return JSON.stringify(path.length > 100 ? `${path.slice(0, 99)}…` : path);
}
