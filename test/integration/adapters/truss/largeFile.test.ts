import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trussContext } from "../../../../src/adapters/builds/buildContext.ts";
import { readTruss } from "../../../../src/adapters/truss/snapshot.ts";
import { writeTree } from "../../../../src/adapters/truss/writeTree.ts";
import { computePatch } from "../../../../src/domain/patch/compute.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { treeBelow } from "../../../../src/domain/truss/tree.ts";

const project = join(import.meta.dirname, "../../../..");
const mebibyte = 1024 * 1024;
const size = 300 * mebibyte;
let work: string;
let truss: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-large-"));
  truss = join(work, "truss");
  await cp(join(project, "models/multiplier"), truss, { recursive: true });
  await mkdir(join(truss, "data"), { recursive: true });
  await sparse(join(truss, "data", "weights.bin"), size);
});

afterAll(() => rm(work, { recursive: true, force: true }));

/** A file of zeros that takes no room. */
async function sparse(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "w");
  await handle.truncate(bytes);
  await handle.close();
}

/** Peak memory of a process that runs `script`, in bytes. */
async function peakOf(script: string): Promise<number> {
  const code = `${script}\nconsole.log(process.resourceUsage().maxRSS);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: project,
  });
  return Number(stdout.trim().split("\n").at(-1)) * 1024;
}

test("reading, hashing and writing a file of 300 MiB takes no more memory than its pieces", async () => {
  const load = `
    const { readTruss } = await import("./src/adapters/truss/snapshot.ts");
    const { writeTree } = await import("./src/adapters/truss/writeTree.ts");
    const { hashSnapshot } = await import("./src/domain/truss/hash.ts");
    const { treeBelow } = await import("./src/domain/truss/tree.ts");
    const read = async (folder) => {
      const { snapshot, patterns } = await readTruss(folder);
      console.log(hashSnapshot(snapshot, patterns));
      await writeTree(${JSON.stringify(join(work, "copy"))}, treeBelow(snapshot, ""));
    };`;
  const without = await peakOf(`${load} await read("models/multiplier");`);
  const withLarge = await peakOf(`${load} await read(${JSON.stringify(truss)});`);
  expect(withLarge - without).toBeLessThan(100 * mebibyte);
  expect((await stat(join(work, "copy", "data", "weights.bin"))).size).toBe(size);
});

test("the hash of a file on disk is that of its content, and sees a change of one byte in it", async () => {
  const small = join(work, "small");
  const content = Buffer.from(Uint8Array.from({ length: 3 * mebibyte + 7 }, (_, index) => index % 251));
  await mkdir(small);
  await writeFile(join(small, "config.yaml"), "model_name: t\n");
  await writeFile(join(small, "weights.bin"), content);
  const { snapshot } = await readTruss(small);
  const inMemory = new Map(snapshot.entries).set("weights.bin", { kind: "file", content, executable: false });
  expect(hashSnapshot(snapshot)).toBe(hashSnapshot({ entries: inMemory }));
  expect(signatureOf(snapshot)).toEqual(signatureOf({ entries: inMemory }));
  content[2 * mebibyte] = 255;
  await writeFile(join(small, "weights.bin"), content);
  expect(hashSnapshot((await readTruss(small)).snapshot)).not.toBe(hashSnapshot(snapshot));
  await expect(writeTree(join(work, "stale"), treeBelow(snapshot, ""))).rejects.toThrow(
    /weights\.bin changed while it was read; run this again/,
  );
});

test("a file that no patch can carry is a reason for a full deployment, and is not read for it", async () => {
  const before = await readTruss(truss);
  const signature = signatureOf(before.snapshot, before.patterns);
  const weights = join(truss, "packages", "weights.bin");
  await mkdir(join(truss, "packages"), { recursive: true });
  await sparse(weights, size);
  const { snapshot, patterns } = await readTruss(truss);
  await rm(weights);
  expect(computePatch(signature, snapshot, patterns)).toMatchObject({
    fullDeployment: [expect.stringMatching(/^packages\/weights\.bin: has 300 MiB.*a patch carries at most 32 MiB$/)],
  });
});

test("a build pod is not given more than it can unpack", async () => {
  await sparse(join(truss, "data", "more.bin"), size);
  const reading = await readTruss(truss);
  await expect(trussContext("large", reading)).rejects.toThrow(
    /^truss "large": its build context has 600 MiB; at most 512 MiB reach a build pod; let the build fetch weights/,
  );
});
