import { createHash } from "node:crypto";
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { readExactJson } from "../../domain/shadow/exactJson.ts";
import type { RecordedBody } from "../../domain/shadow/recorded.ts";

/** What a body may decode to, in bytes: some six times of what a recorder keeps, so that no small body fills the memory. */
export const longestDecoded = 64 * 1024 ** 2;

type Decoder = (bytes: Uint8Array, bound: { maxOutputLength: number; info: true }) => unknown;

/** Content codings (RFC 9110, 8.4.1; RFC 8878), without those that nobody's model answers in, such as `compress`. */
const decoders: Readonly<Record<string, Decoder>> = {
  gzip: gunzipSync as Decoder,
  "x-gzip": gunzipSync as Decoder,
  // By its definition with zlib's frame; many servers leave it out.
  deflate: (bytes, bound) =>
    isZlib(bytes) ? (inflateSync as Decoder)(bytes, bound) : (inflateRawSync as Decoder)(bytes, bound),
  br: brotliDecompressSync as Decoder,
  zstd: zstdDecompressSync as Decoder,
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A body as it is compared: decoded, then read as JSON where it is that.
 *
 * @param encoding - its content coding, as the header names it; null where it has none, or none was recorded
 */
export function readBody(content: Uint8Array, encoding: string | null): RecordedBody {
  const decoded = decodeBody(content, encoding);
  if (!(decoded instanceof Uint8Array)) return decoded;
  const text = textOf(decoded);
  if (text !== undefined) {
    const read = readExactJson(text);
    if ("value" in read) return { json: read.value };
    if ("repeatedKey" in read) return { unjudgeable: "repeated_key" };
    if ("beyondLimits" in read) return { unjudgeable: "beyond_limits" };
  }
  return { digest: createHash("sha256").update(decoded).digest("hex") };
}

/**
 * The decoded bytes of a body; where it cannot be decoded, why.
 *
 * @param longest - bytes that it may decode to. @default 64 MiB
 */
export function decodeBody(
  content: Uint8Array,
  encoding: string | null,
  longest = longestDecoded,
): Uint8Array | Extract<RecordedBody, { readonly unjudgeable: unknown }> {
  const codings = encoding === null ? codingsSeen(content) : codingsNamed(encoding);
  let bytes = content;
  // The last one was applied last.
  for (const coding of codings.toReversed()) {
    const decoder = decoders[coding];
    if (!decoder) return { unjudgeable: "not_decodable" };
    try {
      const { buffer, engine } = decoder(bytes, { maxOutputLength: longest, info: true }) as Decoded;
      // What follows the end of the data nobody has decoded.
      if (engine.bytesWritten < bytes.length) return { unjudgeable: "not_decodable" };
      bytes = buffer;
    } catch (error) {
      const isLong = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      return { unjudgeable: isLong ? "too_long" : "not_decodable" };
    }
  }
  return bytes;
}

interface Decoded {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** Codings that a header names, in the order in which they were applied. */
export function codingsNamed(encoding: string): string[] {
  return encoding
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");
}

/** For answers that were recorded without their coding: no JSON begins with one of these. */
function codingsSeen(bytes: Uint8Array): string[] {
  const [a, b, c, d] = bytes;
  if (a === 0x1f && b === 0x8b && c === 8) return ["gzip"];
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return ["zstd"];
  return a === 0x78 && isZlib(bytes) ? ["deflate"] : [];
}

/** Zlib's header (RFC 1950): method 8, and a multiple of 31. */
export function isZlib([a = 0, b = 0]: Uint8Array): boolean {
  return (a & 0x0f) === 8 && a >> 4 <= 7 && (a * 256 + b) % 31 === 0;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
