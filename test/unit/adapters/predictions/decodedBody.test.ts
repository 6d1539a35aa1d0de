import { randomBytes } from "node:crypto";
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readBody } from "../../../../src/adapters/predictions/decodedBody.ts";
import { Comparison } from "../../../../src/domain/shadow/comparison.ts";
import { judgeGate } from "../../../../src/domain/shadow/gate.ts";
import type { RecordedAnswer } from "../../../../src/domain/shadow/recorded.ts";
import type { ComparisonRules } from "../../../../src/domain/shadow/rules.ts";
import cases from "./comparisonCases.json" with { type: "json" };

const json = Buffer.from('{"values": [1, 2.50]}');
const codings = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
  br: (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: zstdCompressSync,
} as const;

/** A gzip whose header says another time: what differs in it nobody who decodes it sees. */
function gzipAt(seconds: number, text: string): Buffer {
  const bytes = gzipSync(text);
  bytes.writeUInt32LE(seconds, 4);
  return bytes;
}

describe("a body", () => {
  it.each(Object.entries(codings))("in %s is read as what it holds", (coding, encode) => {
    expect(readBody(encode(json), coding)).toEqual({ json: { values: [1, 2.5] } });
  });

  it("in deflate without zlib's frame, in several codings, and in upper case", () => {
    const expected = { json: { values: [1, 2.5] } };
    expect(readBody(deflateRawSync(json), "deflate")).toEqual(expected);
    expect(readBody(brotliCompressSync(gzipSync(json)), "GZIP, br")).toEqual(expected);
    expect(readBody(json, "identity")).toEqual(expected);
  });

  it("whose coding was not recorded is known by how it begins", () => {
    for (const encode of [gzipSync, deflateSync, zstdCompressSync]) {
      expect(readBody(encode(json), null)).toEqual({ json: { values: [1, 2.5] } });
    }
    // Nor is a number taken for zlib's header, as 80 could be.
    const misread = Array.from({ length: 10_000 }, (_, number) => number).filter((number) => {
      const body = readBody(Buffer.from(String(number)), null);
      return !("json" in body && body.json === number);
    });
    expect(misread).toEqual([]);
  });

  it.each(Object.entries(codings))("in %s that is cut, or followed by something, is not judged", (coding, encode) => {
    const bytes = encode(randomBytes(2_000));
    expect(readBody(bytes.subarray(0, 1_000), coding)).toEqual({ unjudgeable: "not_decodable" });
    expect(readBody(Buffer.concat([encode(json), encode(json).subarray(0, 6)]), coding)).toEqual({
      unjudgeable: "not_decodable",
    });
  });

  it.each(Object.entries(codings))("in %s does not fill the memory", (coding, encode) => {
    const bytes = encode(Buffer.alloc(65 * 1024 ** 2));
    expect(bytes.length).toBeLessThan(1024 ** 2);
    expect(readBody(bytes, coding)).toEqual({ unjudgeable: "too_long" });
  });

  it("in a coding that nobody decodes here is not judged, and one that is not JSON has its decoded bytes", () => {
    expect(readBody(json, "compress")).toEqual({ unjudgeable: "not_decodable" });
    expect(readBody(gzipAt(0, "plain"), "gzip")).toEqual(readBody(gzipAt(1, "plain"), "gzip"));
    expect(readBody(gzipSync("plain"), "gzip")).toEqual(readBody(Buffer.from("plain"), null));
    expect(readBody(gzipSync("other"), "gzip")).not.toEqual(readBody(Buffer.from("plain"), null));
    // JSON must be UTF-8.
    expect(readBody(Buffer.from([0x22, 0xff, 0x22]), null)).toMatchObject({ digest: expect.any(String) });
  });
});

/** What a case's words stand for. */
const inWords: Readonly<Record<string, Partial<RecordedAnswer>>> = {
  "gzip of [1,2] at time 0": { body: readBody(gzipAt(0, "[1,2]"), "gzip") },
  "gzip of [1,2] at time 1": { body: readBody(gzipAt(1, "[1,2]"), "gzip") },
  "deflate of [1,2]": { body: readBody(deflateSync("[1,2]"), "deflate") },
  "200, whole body": {},
  "200, half of the body, connection reset": { failure: "predictor_broken", body: { unjudgeable: "too_long" } },
  "no status (client gone)": { status: null, failure: "client_gone" },
  "200": {},
  "11 MB": { body: { unjudgeable: "too_long" } },
  "10.9 MB": { body: { unjudgeable: "too_long" } },
};

function answer(text: string): RecordedAnswer {
  const said = inWords[text] ?? { body: readBody(Buffer.from(text), null) };
  return { status: 200, failure: null, latencyMs: 1, body: { json: null }, ...said };
}

describe("two answers", () => {
  it.each(cases)("$case: $verdict", ({ primary, shadow, rule, verdict }) => {
    const relative = /^relative (.+)$/.exec(rule)?.[1];
    const rules: ComparisonRules = relative === undefined ? {} : { tolerance: { relative: Number(relative) } };
    const comparison = new Comparison(rules);
    comparison.add({ requestId: "r", at: 0, primary: answer(primary), shadow: answer(shadow), sameBody: false });
    const agreed = { ...answer("1"), failure: null };
    for (let n = 0; n < 5_000; n += 1) {
      comparison.add({ requestId: `agreed-${n}`, at: n, primary: agreed, shadow: agreed, sameBody: true });
    }
    const counts = { primary: 5_001, shadow: 5_001, paired: 5_001, pending: 0, unpaired: 0, lostByRecorders: 0 };
    const result = comparison.result(counts, 100);
    const field = /^mismatch(?:: | at )(.+)$/.exec(verdict)?.[1];
    const isJudged = !verdict.startsWith("not judged");
    expect(result.pairs).toBe(isJudged ? 5_001 : 5_000);
    expect(result.mismatches).toBe(verdict.startsWith("mismatch") ? 1 : 0);
    expect(Object.values(result.notJudged)).toEqual(isJudged ? [] : [1]);
    if (field) expect(result.fields.map((each) => each.field)).toEqual([field]);
    // One mismatch of so many is allowed here; what nobody can judge is not.
    const gate = { minPairs: 1_000, maxMismatch: 0.01, confidence: 0.95, minCompleteness: 0.99 };
    const holds = verdict.endsWith("holds the gate") || primary.includes('"a":1,"a":2');
    expect(judgeGate(result, gate).met).toBe(!holds);
  });
});
