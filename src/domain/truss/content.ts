import { digest } from "./digest.ts";
import { refuse } from "./refusals.ts";

/** Content that is not kept in memory: known by its digest, and read again where it is needed. */
export interface ContentOnDisk {
  /** Bytes. */
  readonly size: number;
  /** BLAKE3, 32 bytes. */
  readonly digest: Uint8Array;
  /** The whole content. Throws an OperatorError when the file holds something else by now. */
  read(): Uint8Array;
  /** The content in pieces. Throws an OperatorError after the last one when the file holds something else by now. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** Content of one file: small ones are kept in memory. */
export type FileContent = Uint8Array | ContentOnDisk;

/** Whether two contents are equal, wherever they are kept. */
export function isSameContent(a: FileContent, b: FileContent): boolean {
  if (sizeOf(a) !== sizeOf(b)) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Buffer.compare(digestOf(a), digestOf(b)) === 0;
}

/** BLAKE3, 32 bytes. */
function digestOf(content: FileContent): Uint8Array {
  return content instanceof Uint8Array ? digest(content) : content.digest;
}

/** Longest text that is read as a whole, such as config.yaml, in bytes. */
const longestText = 16 * 1024 * 1024;

/** Bytes of some content. */
export function sizeOf(content: FileContent): number {
  return content instanceof Uint8Array ? content.length : content.size;
}

/** The whole content, in memory. */
export function bytesOf(content: FileContent): Uint8Array {
  return content instanceof Uint8Array ? content : content.read();
}

/** The whole content of a file that must be text of a usual size. @throws OperatorError when it is larger. */
export function textBytes(content: FileContent, path: string): Uint8Array {
  if (sizeOf(content) <= longestText) return bytesOf(content);
  throw refuse("truss.text-too-long", { path, size: mebibytes(sizeOf(content)), longestText: mebibytes(longestText) });
}

/** Mebibytes with one decimal where there is one. */
export function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1).replace(/\.0$/, "");
}
