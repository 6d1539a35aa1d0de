import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { jsonTextOf } from "../redaction/jsonText.ts";
import { type SampledRequest, type SampleHeader, sampleFormat, sampleVersion } from "./format.ts";
import { digestText } from "./reader.ts";

/** A request's line, its line feed included. */
export function requestLine(request: SampledRequest): Uint8Array {
  return utf8ToBytes(`${jsonTextOf(request)}\n`);
}

/** The first line of a sample with these lines, its line feed included. */
export function headerLine(
  about: Omit<SampleHeader, "format" | "version" | "count" | "digest">,
  lines: readonly Uint8Array[],
): { readonly header: SampleHeader; readonly line: Uint8Array } {
  const hash = sha256.create();
  for (const line of lines) hash.update(line);
  const header: SampleHeader = {
    format: sampleFormat,
    version: sampleVersion,
    ...about,
    count: lines.length,
    digest: digestText(hash.digest()),
  };
  return { header, line: utf8ToBytes(`${JSON.stringify(header)}\n`) };
}
