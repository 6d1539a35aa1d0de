import { blake3 } from "@noble/hashes/blake3.js";
import type { IHasher } from "hash-wasm";

/** In WebAssembly, ten times as fast; its loading is asynchronous, so it is there only after {@link loadFastDigest}. */
let fast: IHasher | undefined;

/** Makes {@link digest} fast from here on. Worth its few milliseconds before anything that hashes whole folders. */
export async function loadFastDigest(): Promise<void> {
  if (fast) return;
  const { createBLAKE3 } = await import("hash-wasm");
  fast ??= await createBLAKE3();
}

/** BLAKE3 of some bytes: 32 bytes. */
export function digest(bytes: Uint8Array): Uint8Array {
  if (!fast) return blake3(bytes);
  fast.init();
  fast.update(bytes);
  return fast.digest("binary");
}

/** A digest of content that comes in pieces. */
export type StreamedDigest = Pick<IHasher, "init" | "update" | "digest">;

/** BLAKE3 of content that comes in pieces, with a state of its own. */
export async function streamedDigest(): Promise<StreamedDigest> {
  const { createBLAKE3 } = await import("hash-wasm");
  return createBLAKE3();
}

/** The same without WebAssembly, which need not be loaded. */
export function digestOfPieces(): { update(piece: Uint8Array): unknown; digest(): Uint8Array } {
  return blake3.create();
}
