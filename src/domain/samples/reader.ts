import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { z } from "zod";
import { isMapping } from "../mapping.ts";
import type { Refusal } from "../refusals/refusal.ts";
import { readExactJson } from "../shadow/exactJson.ts";
import {
  longestLine,
  mostRequests,
  type SampledRequest,
  type SampleHeader,
  sampledRequest,
  sampleFormat,
  sampleHeader,
  sampleVersion,
} from "./format.ts";
import { sampleRefusal } from "./refusals.ts";

/** More say nothing new about a file. */
const mostProblems = 20;

/** A line as it was found. */
export interface SampleLine {
  /** Without its line feed; undefined where there are more bytes than {@link longestLine}. */
  readonly bytes: Uint8Array | undefined;
  /** It ends with a line feed. */
  readonly isEnded: boolean;
}

/** Reads a sample's lines one after the other, and tells all that is wrong with them. */
export class SampleReader {
  readonly #file: string;
  readonly #now: Date;
  readonly #hash = sha256.create();
  readonly #lines = new Map<string, number>();
  readonly #problems: Refusal[] = [];
  #at = 0;
  #requests = 0;
  #isWhole = true;
  #header: SampleHeader | undefined;

  /** @param file - for sentences */
  constructor(file: string, now: Date) {
    this.#file = file;
    this.#now = now;
  }

  /** Of the first line, once it was read and where it is right. */
  get header(): SampleHeader | undefined {
    return this.#header;
  }

  /** Whether what follows is not worth reading: this is not a sample that could be read, or has more requests than any. */
  get isOver(): boolean {
    return (this.#at > 0 && this.#header === undefined) || this.#requests > mostRequests;
  }

  /** Takes the next line, and answers its request, if it is a right one. */
  add(line: SampleLine): SampledRequest | undefined {
    this.#at += 1;
    if (!line.isEnded) this.#isWhole = false;
    if (this.#at === 1) {
      this.#readHeader(line);
      return undefined;
    }
    this.#requests += 1;
    const { bytes } = line;
    if (bytes === undefined)
      return this.#tell(sampleRefusal("sample.line-too-long", this.#place, { longest: longestLine }));
    this.#hash.update(bytes);
    if (line.isEnded) this.#hash.update(lineFeed);
    // What breaks off is told once, at the end.
    return line.isEnded ? this.#readRequest(bytes) : undefined;
  }

  /** All that is wrong, once the last line was added. */
  end(): readonly Refusal[] {
    if (this.#at === 0) this.#tell(sampleRefusal("sample.empty", this.#file));
    const header = this.#header;
    if (!header) return this.#problems;
    const { count, digest, createdAt, expiresAt, source } = header;
    if (!this.#isWhole) this.#tell(sampleRefusal("sample.cut-off", this.#place));
    if (this.#requests !== count) {
      this.#tell(sampleRefusal("sample.count", this.#file, { found: this.#requests, count }));
    } else if (this.#isWhole && digest !== digestText(this.#hash.digest())) {
      this.#tell(sampleRefusal("sample.digest", this.#file));
    }
    if (source.until <= source.since)
      this.#tell(sampleRefusal("sample.times", this.#file, { field: "source.until", before: "source.since" }));
    if (expiresAt <= createdAt)
      this.#tell(sampleRefusal("sample.times", this.#file, { field: "expiresAt", before: "createdAt" }));
    if (Date.parse(expiresAt) <= this.#now.getTime())
      this.#tell(sampleRefusal("sample.expired", this.#file, { expiresAt }));
    return this.#problems;
  }

  get #place(): string {
    return `${this.#file}:${this.#at}`;
  }

  #readHeader({ bytes }: SampleLine): undefined {
    const value = bytes && jsonOf(bytes);
    if (!isMapping(value) || value.format !== sampleFormat)
      return this.#tell(sampleRefusal("sample.not-one", this.#file));
    const { version } = value;
    if (typeof version === "number" && version !== sampleVersion) {
      return this.#tell(sampleRefusal("sample.other-version", this.#file, { version, known: sampleVersion }));
    }
    const read = sampleHeader.safeParse(value);
    if (read.success) this.#header = read.data;
    else
      for (const issue of read.error.issues) this.#tell(sampleRefusal("sample.header-wrong", this.#place, said(issue)));
  }

  #readRequest(bytes: Uint8Array): SampledRequest | undefined {
    const value = jsonOf(bytes);
    if (value === undefined) return this.#tell(sampleRefusal("sample.line-not-json", this.#place));
    const read = sampledRequest.safeParse(value);
    if (!read.success) {
      const [issue] = read.error.issues;
      return issue && this.#tell(sampleRefusal("sample.line-wrong", this.#place, said(issue)));
    }
    const { id, attempt, at } = read.data;
    const key = `${at.slice(0, 10)} ${attempt} ${id}`;
    const first = this.#lines.get(key);
    if (first !== undefined) return this.#tell(sampleRefusal("sample.line-again", this.#place, { first }));
    this.#lines.set(key, this.#at);
    return read.data;
  }

  #tell(problem: Refusal): undefined {
    if (this.#problems.length < mostProblems) this.#problems.push(problem);
  }
}

const lineFeed = Uint8Array.of(0x0a);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** As a sample's first line has it. */
export function digestText(digest: Uint8Array): string {
  return `sha256:${bytesToHex(digest)}`;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    const read = readExactJson(utf8.decode(bytes));
    return "value" in read ? read.value : undefined;
  } catch {
    return undefined;
  }
}

function said({ path, message }: z.core.$ZodIssue): { field: string; reason: string } {
  return { field: path.length === 0 ? "the line" : path.map(String).join("."), reason: message };
}
