import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTruss } from "../../../../src/adapters/truss/snapshot.ts";
import { readPushedTruss, refusePushedName } from "../../../../src/domain/development/pushedTruss.ts";
import { OperatorError } from "../../../../src/domain/errors.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { readArchive } from "../../../../src/domain/uploads/archive.ts";
import { paxPath, type TarEntry, tar } from "../../../support/tar.ts";

const limits = { size: 1024 * 1024, files: 50 };
const config: TarEntry = { name: "config.yaml", content: "model_name: t\n" };
const model: TarEntry = { name: "model/model.py", content: "class Model: ..." };

describe("an archive that a client uploads", () => {
  let work: string;
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "menagerie-archive-"));
    const long = join(work, "truss", "model", "n".repeat(90), "m".repeat(90));
    mkdirSync(long, { recursive: true });
    writeFileSync(join(work, "truss", "config.yaml"), "model_name: t\n");
    writeFileSync(join(work, "truss", "model", "model.py"), "class Model: ...\n");
    writeFileSync(join(work, "truss", "model", "grüße.txt"), "größe");
    writeFileSync(join(work, "truss", "model", "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(long, "deep.py"), "X = 1\n");
    mkdirSync(join(work, "truss", "build"));
    writeFileSync(join(work, "truss", "build", "left.out"), "x");
    writeFileSync(join(work, "truss", ".truss_ignore"), "build/\n");
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it.each(["PAX", "GNU"])(
    "is read as the folder is, in Python's %s format, whatever else lies in it",
    async (format) => {
      const archive = join(work, `${format}.tar`);
      const program = [
        "import pathlib, sys, tarfile",
        "root = pathlib.Path(sys.argv[1])",
        `with tarfile.open(sys.argv[2], "w", format=tarfile.${format}_FORMAT) as out:`,
        "  for path in sorted(root.rglob('*')):",
        "    if path.is_file(): out.add(path, arcname=str(path.relative_to(root)))",
      ].join("\n");
      execFileSync("python3", ["-c", program, join(work, "truss"), archive]);
      const { snapshot, patterns } = await readTruss(join(work, "truss"));
      const { readFileSync } = await import("node:fs");
      const pushed = readPushedTruss(readFileSync(archive));
      expect(pushed.hash).toBe(hashSnapshot(snapshot, patterns));
      expect(pushed.signature).toEqual(signatureOf(snapshot, patterns));
      expect(pushed.snapshot.entries.get("model/run.sh")).toMatchObject({ executable: true });
      expect(pushed.snapshot.entries.get("model/model.py")).toMatchObject({ executable: false });
    },
  );

  const hostile: readonly (readonly [string, Buffer, RegExp])[] = [
    [
      "a path that leads out",
      tar([config, { name: "../evil.py", content: "x" }]),
      /"\.\.\/evil\.py": its path has a part/,
    ],
    ["a path that leads out deep inside", tar([{ name: "model/../../evil", content: "x" }]), /has a part "\.\."/],
    ["an absolute path", tar([{ name: "/etc/cron.d/evil", content: "x" }]), /is absolute/],
    ["an absolute path in a pax header", tar([paxPath("/etc/evil"), { name: "ok", content: "x" }]), /is absolute/],
    ["a path that leads out in a pax header", tar([paxPath("a/../../b"), { name: "ok" }]), /has a part/],
    [
      "a long name of GNU that leads out",
      tar([{ name: "L", type: "L", content: "../evil\0" }, { name: "ok" }]),
      /has a part/,
    ],
    ["a symbolic link", tar([{ name: "model/link", type: "2", linkName: "/etc/passwd" }]), /is not a file or folder/],
    ["a hard link", tar([{ name: "model/link", type: "1", linkName: "/etc/passwd" }]), /is not a file or folder/],
    ["a device", tar([{ name: "model/dev", type: "3" }]), /is not a file or folder/],
    ["a pipe", tar([{ name: "model/pipe", type: "6" }]), /is not a file or folder/],
    ["a sparse file of GNU", tar([{ name: "model/sparse", type: "S" }]), /is not a file or folder/],
    ["a file twice", tar([model, model]), /the archive has "model\/model.py" twice/],
    [
      "a file that is a folder too",
      tar([
        { name: "a", content: "x" },
        { name: "a/b", content: "x" },
      ]),
      /as a file and as a folder/,
    ],
    [
      "a folder that is a file too",
      tar([
        { name: "a/b", content: "x" },
        { name: "a", content: "x" },
      ]),
      /the archive has "a" twice/,
    ],
    ["an empty name", tar([{ name: "", content: "x" }]), /is empty/],
    ["a name that is not UTF-8", Buffer.from(notUtf8()), /not UTF-8/],
    ["a size beyond its end", tar([{ name: "a", size: "77777777777\0" }]), /cut off/],
    ["a size that is not a number", tar([{ name: "a", size: "1e9\0" }]), /not octal/],
    ["a size in GNU's binary form", tar([{ name: "a", size: "\x80\0\0\0\0\0\0\x01" }]), /not octal|not UTF-8/],
    ["no end", tar([model], { end: false }), /cut off/],
    ["half a block", tar([model]).subarray(0, 700), /cut off/],
    ["a broken pax header", tar([{ name: "p", type: "x", content: "999 path=a\n" }, { name: "a" }]), /broken pax/],
    [
      "a pax header without a length",
      tar([{ name: "p", type: "x", content: "path=a\n" }, { name: "a" }]),
      /broken pax/,
    ],
    [
      "more files than are taken",
      tar(Array.from({ length: 51 }, (_, index) => ({ name: `f${index}` }))),
      /more than 50 files/,
    ],
    ["more bytes than are taken", Buffer.alloc(limits.size + 1), /at most 1048576/],
    ["nothing", Buffer.alloc(0), /cut off/],
    ["another format", Buffer.from("PK\u0003\u0004".padEnd(2000, "x")), /no tar|octal/],
  ];

  function notUtf8(): Buffer {
    const archive = tar([{ name: "aaaa", content: "x" }]);
    archive[1] = 0xff;
    // The header's sum, for the byte that changed.
    const sum = [...archive.subarray(0, 512)].reduce(
      (total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte),
      0,
    );
    archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return archive;
  }

  it.each(hostile)("with %s is refused, and says so", (_what, archive, says) => {
    expect(() => readArchive(archive, limits)).toThrow(OperatorError);
    expect(() => readArchive(archive, limits)).toThrow(says);
  });

  it("is read or refused in a sentence, whatever its bytes are", () => {
    const good = tar([config, model, paxPath("model/long"), { name: "x", content: "y".repeat(600) }]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), (edits) => {
        const archive = Buffer.from(good);
        for (const [at, value] of edits) archive[at] = value;
        try {
          for (const path of readArchive(archive, limits).entries.keys()) {
            expect(path).not.toMatch(/^\/|(^|\/)\.{0,2}(\/|$)|\0/);
          }
        } catch (error) {
          if (!(error instanceof OperatorError)) throw error;
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("a truss that a client pushes", () => {
  const pushed = (text: string, more: readonly TarEntry[] = [model]) =>
    readPushedTruss(tar([{ name: "config.yaml", content: text }, ...more]));

  it.each([
    ["resources: {accelerator: T4}", /resources: T4: pushed models get no GPU; declare the model in the stack/],
    ["secrets: {hf_token: null}", /secrets: hf_token: pushed models get no secrets; declare/],
    ["model_module_dir: elsewhere", /model_module_dir: there is no folder "elsewhere"/],
    ["python_version: py27", /python_version/],
    ["a: [", /not valid YAML/],
  ])("with %s is refused, and says what to do", (text, says) => {
    expect(() => pushed(text)).toThrow(says);
  });

  it("needs a config.yaml", () => {
    expect(() => readPushedTruss(tar([model]))).toThrow(/config\.yaml/);
  });

  it.each(["", "a b", "-a", "a/b", "x".repeat(64), "ä"])("is not named %j", (name) => {
    expect(() => refusePushedName(name)).toThrow(/model_name/);
  });
});
