import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { unignoredPaths } from "./ignore.ts";
import { comparePaths, contentAt, type TrussSnapshot } from "./snapshot.ts";

/** Digests of contents by the identity of their bytes, which nobody changes: snapshots of one folder share most of them. */
const known = new WeakMap<Uint8Array, Uint8Array>();

function digestOf(bytes: Uint8Array): Uint8Array {
  let digest = known.get(bytes);
  if (!digest) {
    digest = blake3(bytes);
    known.set(bytes, digest);
  }
  return digest;
}

/** BLAKE3 of some content, 64 hex digits. */
export function contentHash(bytes: Uint8Array): string {
  return bytesToHex(digestOf(bytes));
}

/**
 * Content hash of a truss, 64 hex digits, equal to truss 0.18.35's `directory_content_hash`: BLAKE3 over the digest of
 * each path, followed for files by the digest of the content. Names and content count; the root's name, modes and
 * times do not.
 *
 * @param patterns - what is left out, gitignore-style; see `trussIgnorePatterns` for a truss's own.
 */
export function hashSnapshot(snapshot: TrussSnapshot, patterns: readonly string[] = []): string {
  const hasher = blake3.create({});
  for (const path of unignoredPaths(snapshot, patterns).sort(comparePaths)) {
    hasher.update(blake3(utf8ToBytes(path)));
    const bytes = contentAt(snapshot, path);
    if (bytes) hasher.update(digestOf(bytes));
  }
  return bytesToHex(hasher.digest());
}

/**
 * Content hash of the truss that a signature is of: it holds every path and content hash that {@link hashSnapshot}
 * reads. Equal to it for signatures of the same snapshot and patterns.
 */
export function hashOfSignature(contentHashes: Readonly<Record<string, string | null>>): string {
  const hasher = blake3.create({});
  for (const path of Object.keys(contentHashes).sort(comparePaths)) {
    hasher.update(blake3(utf8ToBytes(path)));
    const content = contentHashes[path];
    if (content) hasher.update(hexToBytes(content));
  }
  return bytesToHex(hasher.digest());
}
