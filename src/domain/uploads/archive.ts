import { pathIssue } from "../patch/operationSchema.ts";
import type { SnapshotEntry, TrussSnapshot } from "../truss/snapshot.ts";
import { refuse } from "./refusals.ts";

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
 * truss or stands in it twice, is refused. Nothing is written anywhere. The library `tar`, which packs and unpacks what is ours, is no
 * help with what a stranger uploads: it takes an archive that is cut off between two entries, a broken header, and one that is gzipped
 * to a thousandth.
 *
 * @throws OperatorError with the entry and what is wrong with it.
 */
export function readArchive(archive: Uint8Array, limits: ArchiveLimits): TrussSnapshot {
  if (archive.length > limits.size) throw refuse("archive.too-large", { count: archive.length, size: limits.size });
  const entries = new Map<string, SnapshotEntry>();
  let longName: string | undefined;
  for (let at = 0; ; ) {
    if (at + block > archive.length) throw refuse("archive.cut-off");
    const header = archive.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return { entries };
    checkSum(header, at);
    const size = octal(header.subarray(124, 136));
    const begin = at + block;
    if (begin + size > archive.length) throw refuse("archive.cut-off");
    const content = archive.subarray(begin, begin + size);
    at = begin + Math.ceil(size / block) * block;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === "g") continue;
    if (type === "x" || type === "L") {
      if (size > longestMetadata) throw refuse("archive.name-too-long");
      longName = (type === "L" ? text(content) : paxPath(content)) ?? longName;
      continue;
    }
    const name = longName ?? headerName(header);
    longName = undefined;
    if (entries.size >= limits.files) throw refuse("archive.too-many-files", { files: limits.files });
    if (type === "5") addFolder(entries, name.replace(/\/$/, ""));
    else if (type === "0" || type === "\0")
      addFile(entries, name, content, (octal(header.subarray(100, 108)) & 0o111) !== 0);
    else throw refuse("archive.link", { name: shown(name) });
  }
}

function addFile(entries: Map<string, SnapshotEntry>, path: string, bytes: Uint8Array, executable: boolean): void {
  refuseOutside(path);
  if (entries.has(path)) throw refuse("archive.twice", { path: shown(path) });
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
    if (known && known.kind !== "dir") throw refuse("archive.file-and-folder", { folder: shown(folder) });
    entries.set(folder, { kind: "dir" });
  }
}

function refuseOutside(path: string): void {
  const issue = pathIssue(path);
  if (issue) throw refuse("archive.path", { path: shown(path), issue });
}

/** Sum of the header's bytes with blanks for the sum itself. */
function checkSum(header: Uint8Array, at: number): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== octal(header.subarray(148, 156))) throw refuse("archive.not-a-tar", { at });
}

function octal(field: Uint8Array): number {
  const digits = text(field).trim();
  if (!/^[0-7]*$/.test(digits)) throw refuse("archive.not-octal");
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
      throw refuse("archive.pax");
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
    throw refuse("archive.name-not-utf8", undefined, error);
  }
}

function shown(path: string): string {
  return JSON.stringify(path.length > 100 ? `${path.slice(0, 99)}…` : path);
}
