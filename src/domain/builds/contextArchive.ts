import { type FileContent, sizeOf } from "../truss/content.ts";
import type { Tree } from "../truss/tree.ts";

const block = 512;
/** Bytes of one Secret's value that leave room for its metadata below Kubernetes' limit of 1 MiB. */
export const partSize = 960 * 1024;

/** What a build pod unpacks at most. Sizes in bytes. */
export const contextLimits = { size: 512 * 1024 * 1024, files: 100_000 };

/**
 * A tar archive (POSIX.1-2001 ustar, pax for names of more than 100 bytes) of a tree, in pieces. Equal trees give equal bytes:
 * entries are in code-unit order, without times and owners. A file has less than 8 GiB.
 */
export async function* archiveOf(tree: Tree): AsyncGenerator<Uint8Array> {
  for (const path of [...tree.keys()].sort()) {
    const file = tree.get(path);
    const name = file ? path : `${path}/`;
    if (encode(name).length > 100) yield* entry("pax", "x", 0o644, paxRecord("path", name));
    if (file) yield* entry(name, "0", file.executable ? 0o755 : 0o644, file.content);
    else yield* entry(name, "5", 0o755, new Uint8Array());
  }
  yield new Uint8Array(2 * block);
}

/** The archive in pieces that each fit into one Secret, in order. */
export function partsOf(archive: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < archive.length; at += partSize) parts.push(archive.subarray(at, at + partSize));
  return parts;
}

/** Name of a part's file, whose order is that of the parts. */
export function partName(index: number): string {
  return `part-${String(index).padStart(3, "0")}`;
}

async function* entry(name: string, type: string, mode: number, content: FileContent): AsyncGenerator<Uint8Array> {
  const size = sizeOf(content);
  const header = new Uint8Array(block);
  const put = (at: number, bytes: Uint8Array): void => header.set(bytes, at);
  const octal = (at: number, digits: number, value: number): void =>
    put(at, encode(value.toString(8).padStart(digits, "0")));
  // A longer name is in the pax entry before; readers take it from there.
  put(0, encode(name).subarray(0, 100));
  octal(100, 7, mode);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, 0);
  put(148, encode("        "));
  put(156, encode(type));
  put(257, encode("ustar\0" + "00"));
  const sum = header.reduce((total, byte) => total + byte, 0);
  octal(148, 6, sum);
  put(154, encode("\0 "));
  yield header;
  if (content instanceof Uint8Array) yield content;
  else yield* content.pieces();
  yield new Uint8Array((block - (size % block)) % block);
}

/** "<length> <key>=<value>\n", where the length counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = encode(` ${key}=${value}\n`).length;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return encode(`${length} ${key}=${value}\n`);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
