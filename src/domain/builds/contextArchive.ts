import type { Tree } from "../truss/tree.ts";

const block = 512;
/** Bytes of one Secret's value that leave room for its metadata below Kubernetes' limit of 1 MiB. */
export const partSize = 960 * 1024;

/**
 * A tar archive (POSIX.1-2001 ustar, pax for names of more than 100 bytes) of a tree. Equal trees give equal bytes: entries
 * are in code-unit order, without times and owners.
 */
export function archiveOf(tree: Tree): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const path of [...tree.keys()].sort()) {
    const file = tree.get(path);
    const name = file ? path : `${path}/`;
    if (encode(name).length > 100) blocks.push(...entry("pax", "x", 0o644, paxRecord("path", name)));
    if (file) blocks.push(...entry(name, "0", file.executable ? 0o755 : 0o644, file.bytes));
    else blocks.push(...entry(name, "5", 0o755, new Uint8Array()));
  }
  blocks.push(new Uint8Array(2 * block));
  return concatenated(blocks);
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

function entry(name: string, type: string, mode: number, content: Uint8Array): Uint8Array[] {
  const header = new Uint8Array(block);
  const put = (at: number, bytes: Uint8Array): void => header.set(bytes, at);
  const octal = (at: number, digits: number, value: number): void =>
    put(at, encode(value.toString(8).padStart(digits, "0")));
  // A longer name is in the pax entry before; readers take it from there.
  put(0, encode(name).subarray(0, 100));
  octal(100, 7, mode);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, content.length);
  octal(136, 11, 0);
  put(148, encode("        "));
  put(156, encode(type));
  put(257, encode("ustar\0" + "00"));
  const sum = header.reduce((total, byte) => total + byte, 0);
  octal(148, 6, sum);
  put(154, encode("\0 "));
  const padding = new Uint8Array((block - (content.length % block)) % block);
  return [header, content, padding];
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

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
