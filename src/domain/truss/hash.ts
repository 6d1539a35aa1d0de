import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { FileContent } from "./content.ts";
import { digest } from "./digest.ts";
import { countedPaths } from "./ignore.ts";
import { comparePaths, contentAt, type TrussSnapshot } from "./snapshot.ts";

/** Digests of contents by the identity of their bytes, which nobody changes: snapshots of one folder share most of them. */
const known = new WeakMap<Uint8Array, Uint8Array>();

function digestOf(content: FileContent): Uint8Array {
  if (!(content instanceof Uint8Array)) return content.digest;
  let found = known.get(content);
  if (!found) {
    found = digest(content);
    known.set(content, found);
  }
  return found;
}

/** One digest over many of 32 bytes each. */
function digestOfAll(parts: readonly Uint8Array[]): string {
  const all = new Uint8Array(parts.length * digestBytes);
  for (const [index, part] of parts.entries()) all.set(part, index * digestBytes);
  return bytesToHex(digest(all));
}

const digestBytes = 32;

/** BLAKE3 of some content, 64 hex digits. */
export function contentHash(content: FileContent): string {
  return bytesToHex(digestOf(content));
}

/**
 * Content hash of a truss, 64 hex digits, equal to truss 0.18.35's `directory_content_hash`: BLAKE3 over the digest of
 * each path, followed for files by the digest of the content. Names and content count; the root's name, modes and
 * times do not.
 *
 * @param patterns - what is left out, gitignore-style; see `trussIgnorePatterns` for a truss's own.
 */
export function hashSnapshot(snapshot: TrussSnapshot, patterns: readonly string[] = []): string {
  const parts: Uint8Array[] = [];
  for (const path of countedPaths(snapshot, patterns)) {
    parts.push(digest(utf8ToBytes(path)));
    const content = contentAt(snapshot, path);
    if (content) parts.push(digestOf(content));
  }
  return digestOfAll(parts);
}

/**
 * Content hash of the truss that a signature is of: it holds every path and content hash that {@link hashSnapshot}
 * reads. Equal to it for signatures of the same snapshot and patterns.
 */
export function hashOfSignature(contentHashes: Readonly<Record<string, string | null>>): string {
  const parts: Uint8Array[] = [];
  for (const path of Object.keys(contentHashes).sort(comparePaths)) {
    parts.push(digest(utf8ToBytes(path)));
    const content = contentHashes[path];
    if (content) parts.push(hexToBytes(content));
  }
  return digestOfAll(parts);
}
