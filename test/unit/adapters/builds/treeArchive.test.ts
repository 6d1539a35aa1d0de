import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { archiveOf } from "../../../../src/adapters/builds/treeArchive.ts";
import type { Tree } from "../../../../src/domain/truss/tree.ts";
import { readArchive } from "../../../../src/domain/uploads/archive.ts";

const limits = { size: 10 ** 7, files: 1000 };
const file = (text: string, executable = false) => ({ content: new TextEncoder().encode(text), executable });
const archived = (tree: Tree) => buffer(archiveOf(tree));

describe("a tree's archive", () => {
  it("holds every file and folder as it is, under names of any length", async () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9_ é-]{1,60}$/).filter((text) => text.trim() === text);
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => `d/${parts.join("/")}`);
    const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 1200 }), fc.boolean()));
    await fc.assert(
      fc.asyncProperty(files, async (entries) => {
        const tree: Tree = new Map(
          entries.map(([each, content, executable]) => [`${each}.${executable}`, { content, executable }]),
        );
        const { entries: read } = readArchive(await archived(tree), limits);
        for (const [each, file] of tree) expect(read.get(each)).toEqual({ kind: "file", ...file });
      }),
    );
  });

  it("is the same bytes for the same content, in whatever order it was read", async () => {
    const entries: [string, ReturnType<typeof file> | undefined][] = [
      ["model", undefined],
      ["model/model.py", file("x", true)],
      ["config.yaml", file("y")],
    ];
    const hash = async (tree: Tree) =>
      createHash("sha256")
        .update(await archived(tree))
        .digest("hex");
    expect(await hash(new Map(entries))).toBe(await hash(new Map([...entries].reverse())));
    expect(readArchive(await archived(new Map(entries)), limits).entries.get("model")).toEqual({ kind: "dir" });
  });

  it("is the same bytes on every machine, at every time", async () => {
    const long = `model/${"é".repeat(60)}/${"n".repeat(150)}.py`;
    const tree: Tree = new Map([
      ["model", undefined],
      ["config.yaml", file("model_name: t\n")],
      ["model/run.sh", file("#!/bin/sh\n", true)],
      [long, file("x".repeat(600))],
    ]);
    const archive = await archived(tree);
    expect(createHash("sha256").update(archive).digest("hex")).toBe(
      "66a1963eb2096ab7d3d769c7c39ae3d26ff1270c9d4a5e832a514017af0873f8",
    );
    const program = [
      "import io, json, sys, tarfile",
      "entries = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))",
      "print(json.dumps([[e.name, e.type.decode(), oct(e.mode), e.size, e.uid, e.gid, e.uname, e.mtime] for e in entries]))",
    ].join("\n");
    expect(JSON.parse(execFileSync("python3", ["-c", program], { input: archive, encoding: "utf8" }))).toEqual([
      ["config.yaml", "0", "0o644", 14, 0, 0, "", 0],
      ["model", "5", "0o755", 0, 0, 0, "", 0],
      ["model/run.sh", "0", "0o755", 10, 0, 0, "", 0],
      [long, "0", "0o644", 600, 0, 0, "", 0],
    ]);
  });
});
