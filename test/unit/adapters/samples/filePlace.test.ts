import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { filePlace, filePlacesIn, requireFree } from "../../../../src/adapters/samples/filePlace.ts";

let folder: string;
const content = Buffer.from("whole");
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-place-"));
});
beforeEach(() => rm(join(folder, "x"), { force: true }));
afterAll(() => rm(folder, { recursive: true }));

it("a file is there whole, its owner's alone, and nothing beside it", async () => {
  await filePlace(join(folder, "x")).write(content, { isForced: false, signal });
  expect(await readdir(folder)).toEqual(["x"]);
  expect((await stat(join(folder, "x"))).mode & 0o777).toBe(0o600);
});

it("one that is there is replaced by force alone", async () => {
  const file = join(folder, "x");
  await writeFile(file, "before");
  await expect(filePlace(file).write(content, { isForced: false, signal })).rejects.toThrow(`${file} already exists`);
  await expect(requireFree(filePlace(file), false)).rejects.toThrow(`${file} already exists`);
  expect(await readFile(file, "utf8")).toBe("before");
  await filePlace(file).write(content, { isForced: true, signal });
  expect(await readFile(file, "utf8")).toBe("whole");
  expect(await readdir(folder)).toEqual(["x"]);
});

it("an interruption leaves nothing", async () => {
  const controller = new AbortController();
  const placed = filePlace(join(folder, "x")).write(Buffer.alloc(64 * 1024 ** 2), {
    isForced: false,
    signal: controller.signal,
  });
  setImmediate(() => controller.abort(new Error("interrupted")));
  await expect(placed).rejects.toThrow("interrupted");
  expect(await readdir(folder)).toEqual([]);
});

it("a folder that is not there is said", async () => {
  await expect(filePlace(join(folder, "no", "x")).write(content, { isForced: false, signal })).rejects.toThrow(
    /cannot be written: ENOENT/,
  );
});

it("a folder stands for the files in it and below, without those that are half-written", async () => {
  await mkdir(join(folder, "a", "b"), { recursive: true });
  for (const name of ["a/1.jsonl", "a/b/2.age", "a/.1.jsonl.0a1b2c3d"]) await writeFile(join(folder, name), "x");
  const named = async (path: string) => (await filePlacesIn(path)).map(({ name }) => name);
  expect(await named(join(folder, "a"))).toEqual([join(folder, "a", "1.jsonl"), join(folder, "a", "b", "2.age")]);
  expect(await named(join(folder, "a", "1.jsonl"))).toEqual([join(folder, "a", "1.jsonl")]);
  await expect(named(join(folder, "none"))).rejects.toThrow("cannot be read: ENOENT");
  await rm(join(folder, "a"), { recursive: true });
});
