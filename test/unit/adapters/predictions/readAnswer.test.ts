import type { Transform } from "node:stream";
import {
  brotliCompressSync,
  createBrotliCompress,
  createDeflate,
  createDeflateRaw,
  createGzip,
  createZstdCompress,
  gzipSync,
} from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodedPieces } from "../../../../src/adapters/predictions/decodedPieces.ts";
import { readAnswer } from "../../../../src/adapters/predictions/readAnswer.ts";
import type { Failure } from "../../../../src/domain/recording/prediction.ts";

const chunk = (content: string, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
const role = 'data: {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}\n\n';
const usage = 'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n';
const done = "data: [DONE]\n\n";
const events = [role, chunk("Hel"), chunk("lo €", "stop"), usage, done];

interface Given {
  readonly encoding?: string;
  readonly truncated?: boolean;
  readonly failure?: Failure;
}

/** Reads a chat's answer whose pieces come ten milliseconds after each other. */
function read(pieces: readonly Uint8Array[], { encoding, truncated = false, failure }: Given = {}) {
  let end = 0;
  const ends = pieces.map(({ length }) => {
    end += length;
    return end;
  });
  return readAnswer({
    operation: "chat",
    response: { content: Buffer.concat(pieces), bytes: end, truncated },
    responseEncoding: encoding ?? null,
    arrivals: { pieces: pieces.length, ends, at: pieces.map((_, index) => index * 10) },
    facts: null,
    failure: failure ?? null,
    latencyMs: 99,
  });
}

const plain = (texts: readonly string[]) => texts.map((text) => Buffer.from(text));
const saidBy = ({ joined }: { joined?: Uint8Array }) =>
  joined && JSON.parse(Buffer.from(joined).toString()).choices[0].message.content;

/** One piece for each text, as a server encodes a stream: flushed after each, and ended. */
async function encoded(coder: Transform, texts: readonly string[]): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let piece: Buffer[] = [];
  coder.on("data", (bytes: Buffer) => piece.push(bytes));
  for (const text of texts) {
    await new Promise<void>((resolve) => coder.write(text, () => resolve()));
    await new Promise<void>((resolve) => (coder as ReturnType<typeof createGzip>).flush(() => resolve()));
    await new Promise(setImmediate);
    pieces.push(Buffer.concat(piece));
    piece = [];
  }
  await new Promise<void>((resolve) => coder.once("end", () => resolve()).end());
  return [...pieces, Buffer.concat(piece)].filter(({ length }) => length > 0);
}

describe("a stream", () => {
  it("is stored as what it joins to, with the times of its pieces", async () => {
    const answer = await read(plain(events));
    expect(saidBy(answer)).toBe("Hello €");
    expect(answer).toMatchObject({
      facts: { streamed: true, firstTokenMs: 10, tokens: { prompt: 3, completion: 2 } },
      failure: null,
      truncated: false,
    });
  });

  it.each<[string, () => Transform]>([
    ["gzip", () => createGzip()],
    ["deflate", () => createDeflate()],
    ["deflate", () => createDeflateRaw()],
    ["br", () => createBrotliCompress()],
    ["zstd", () => createZstdCompress()],
  ])("in %s has the first token's time, whole and broken off", async (encoding, coder) => {
    const pieces = await encoded(coder(), events);
    expect(pieces.length).toBeGreaterThanOrEqual(events.length);
    const whole = await read(pieces, { encoding });
    expect(saidBy(whole)).toBe("Hello €");
    expect(whole.facts).toMatchObject({ firstTokenMs: 10, tokens: { completion: 2 } });
    const broken = await read(pieces.slice(0, 2), { encoding, truncated: true, failure: "predictor_broken" });
    expect(saidBy(broken)).toBe("Hel");
    expect(broken).toMatchObject({ truncated: true, failure: "predictor_broken", facts: { firstTokenMs: 10 } });
  });

  it("in two codings, one over the other, is decoded by both", async () => {
    const bytes = brotliCompressSync(gzipSync(events.join("")));
    expect(saidBy(await read([bytes], { encoding: "gzip, br" }))).toBe("Hello €");
  });

  it.each<[string, readonly Uint8Array[], Given]>([
    ["a coding that nobody knows", plain(events), { encoding: "lzma" }],
    ["a damaged coding", [Buffer.from("no gzip at all")], { encoding: "gzip" }],
    ["damage in the middle", [gzipSync(events.join("")).fill(0xff, 12, 40)], { encoding: "gzip" }],
    ["nothing in it", [], {}],
  ])("with %s stays as it came", async (_, pieces, given) => {
    expect(await read(pieces, given)).toEqual({
      facts: { streamed: false, firstTokenMs: null, tokens: null },
      failure: null,
      truncated: false,
    });
  });

  it("that decodes to more than the memory is meant for is not decoded", async () => {
    const pieces = [{ bytes: gzipSync(Buffer.alloc(200_000)), at: 1 }];
    expect(await decodedPieces(pieces, "gzip", 100_000)).toBeUndefined();
    expect((await decodedPieces(pieces, "gzip", 200_000))?.length).toBeGreaterThan(0);
  });

  it.each<[string, string[], Given, { failure: Failure | null; truncated: boolean }]>([
    ["ends without [DONE]", [chunk("a", "stop")], {}, { failure: null, truncated: false }],
    ["ends before its answer does", [chunk("a")], {}, { failure: "predictor_broken", truncated: false }],
    ["has what is not JSON", ["data: oh\n\n", done], {}, { failure: "predictor_broken", truncated: false }],
    ["tells of an error", [chunk("a"), 'data: {"error": {}}\n\n'], {}, { failure: "failed", truncated: false }],
    [
      "tells of an error and breaks off",
      ['data: {"error": {}}\n\n'],
      { truncated: true, failure: "predictor_broken" },
      { failure: "failed", truncated: true },
    ],
    [
      "is left by its client",
      [chunk("a")],
      { truncated: true, failure: "client_gone" },
      { failure: "client_gone", truncated: true },
    ],
    [
      "is left by its client behind [DONE]",
      [chunk("a"), done],
      { truncated: true, failure: "client_gone" },
      { failure: null, truncated: false },
    ],
    ["is longer than what is kept", [chunk("a")], { truncated: true }, { failure: null, truncated: true }],
  ])("that %s", async (_, texts, given, expected) => {
    expect(await read(plain(texts), given)).toMatchObject({ ...expected, facts: { streamed: true } });
  });
});

describe("a single answer", () => {
  const answer = JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });

  it("tells its tokens, in a coding too, and is not joined", async () => {
    for (const [bytes, encoding] of [[Buffer.from(answer)], [gzipSync(answer), "gzip"]] as const) {
      const found = await read([bytes], encoding === undefined ? {} : { encoding });
      expect(found.joined).toBeUndefined();
      expect(found.facts).toEqual({
        streamed: false,
        firstTokenMs: null,
        tokens: { prompt: 3, completion: 2 },
      });
    }
  });

  it("that is not JSON, or nested beyond any stack, is none", async () => {
    for (const text of ["{oh", `${"[".repeat(100_000)}${"]".repeat(100_000)}`]) {
      expect((await read(plain([text]))).facts).toMatchObject({ streamed: false, tokens: null });
    }
    const deep = `data: {"choices": [{"delta": {"x": ${'{"x":'.repeat(50_000)}1${"}".repeat(50_000)}}}]}\n\n`;
    expect((await read(plain([deep]))).facts).toMatchObject({ streamed: false });
  });
});
