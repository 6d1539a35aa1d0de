import type { Readable } from "node:stream";

/** What became of content that was stored. */
export interface StoredContent {
  /** Bytes. */
  readonly size: number;
  /** MD5, as S3's ETag. */
  readonly etag: string;
  /** SHA-256, 64 hex digits. */
  readonly sha256: string;
}

/** More than the store takes. */
export class UploadTooLarge extends Error {
  override readonly name = "UploadTooLarge";
}

/**
 * Where clients' uploads are kept until they are deployed. Keys are `<organization>/<uuid>/<name>`, of letters, digits,
 * dots and dashes, and chosen by the service alone. What is stored appears whole or not at all.
 */
export interface UploadStore {
  /** Keeps the content unless `check` of it throws. */
  put(key: string, content: Readable, check: (stored: StoredContent) => void): Promise<StoredContent>;
  /** The content, or undefined where there is none. */
  read(key: string): Promise<Buffer | undefined>;
  /** Makes one object of others, in order, and removes them. Undefined when one is missing. */
  join(key: string, parts: readonly string[]): Promise<StoredContent | undefined>;
  /** Removes what is stored at the key and below it. */
  remove(key: string): Promise<void>;
  /** Removes what was stored more than `milliseconds` ago. */
  sweep(milliseconds: number): Promise<void>;
}

/** Throws for whatever the service itself would not choose as a key. */
export function refuseOtherKey(key: string): void {
  if (!/^[A-Za-z0-9-]+(\/[A-Za-z0-9.-]+)+$/.test(key) || key.includes("..")) throw new Error(`"${key}" is not a key`);
}
