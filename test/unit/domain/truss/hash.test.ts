import { describe, expect, test } from "vitest";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { parseIgnoreFile } from "../../../../src/domain/truss/ignore.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { comparePaths } from "../../../../src/domain/truss/snapshot.ts";
import { readVectors, snapshotOf, textSnapshot } from "./vectors.ts";

// The hashes in this file were made with the truss library, 0.18.35.
describe("the content hash is the truss library's", () => {
  test.each<[string, Record<string, string>, string[], string]>([
    ["of nothing", {}, [], "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
    [
      "of a small truss",
      { "config.yaml": "model_name: m\n", "model/model.py": "class Model: ...\n" },
      [],
      "b039008d5a19936bf5f06f4ff0ca044e886ebcd9178814d300e58b6dd9618d15",
    ],
    [
      "where a separator sorts before any other character",
      { "a-b": "2", "a/b": "1" },
      [],
      "dff88c17ce80b6d3880269121353a75ff213b344ad2538eb0738aa358adba34d",
    ],
    [
      "where code points and UTF-16 sort differently",
      { "\u{1f600}": "2", "\uff5e": "1" },
      [],
      "0a9d501fdc8b1f30e7e6d8e793c934496607852b2658bf8fc12794dc637c94c3",
    ],
    [
      "where patterns leave files out, case-sensitively",
      { "B.PYC": "5", "data/d": "3", keep: "1", "sub/data/e": "4", "x.pyc": "2" },
      ["*.pyc", "data/*"],
      "3ba7b86abf3c4e76a5fef87d1ee73ea7153b9403ed9465e199bd8d3c1ea34f34",
    ],
    [
      "where a file below an ignored folder cannot be brought back",
      { "out/keep": "1", "out/x": "2" },
      ["out/", "!out/keep"],
      "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    ],
  ])("%s", (_, files, patterns, hash) => {
    expect(hashSnapshot(textSnapshot(files), patterns)).toBe(hash);
  });

  test("and does not depend on the order in which a folder was read", () => {
    const entries = [...textSnapshot({ "b/c": "1", "b-c": "2", a: "3" }).entries];
    expect(hashSnapshot({ entries: new Map(entries.reverse()) })).toBe(hashSnapshot({ entries: new Map(entries) }));
  });
});

const vectors = readVectors();

describe.skipIf(vectors.length === 0)("hash and signature equal the library's on its vectors", () => {
  test.each(
    vectors.flatMap((vector) => (["prev", "next"] as const).map((side) => [vector.name, side, vector] as const)),
  )("%s, %s", (_, side, vector) => {
    const snapshot = snapshotOf(vector[side]);
    const patterns = vector.ignore_patterns ?? ["**/__pycache__/**/*", "**/__pycache__/**"];
    expect(hashSnapshot(snapshot, patterns)).toBe(vector.expected[`${side}_hash`]);
    const signature = vector.expected[`${side}_signature`];
    if (signature === undefined) expect(() => signatureOf(snapshot, patterns)).toThrow();
    else expect(signatureOf(snapshot, patterns)).toEqual(signature);
  });
});

test("paths sort by component and code point", () => {
  expect(["a0", "a/b", "a-b", "a", "\u{1f600}", "\uff5e"].sort(comparePaths)).toEqual([
    "a",
    "a/b",
    "a-b",
    "a0",
    "\uff5e",
    "\u{1f600}",
  ]);
});

test("an ignore file has one pattern on each line, besides blanks and comments", () => {
  expect(parseIgnoreFile("# caches\n\n *.tmp \r\n!keep.tmp\n")).toEqual(["*.tmp", "!keep.tmp"]);
});
