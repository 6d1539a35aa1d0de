import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { placeFile } from "../../../../src/adapters/samples/placeFile.ts";

let folder: string;
const content = Buffer.from("whole");
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-place-"));
});
beforeEach(() => rm(join(folder, "x"), { force: true }));
afterAll(() => rm(folder, { recursive: true }));

it("a file is there whole, its owner's alone, and nothing beside it", async () => {
  await placeFile(join(folder, "x"), content, { isForced: false, signal });
  expect(await readdir(folder)).toEqual(["x"]);
  expect((await stat(join(folder, "x"))).mode & 0o777).toBe(0o600);
});

it("one that is there is replaced by force alone", async () => {
  const file = join(folder, "x");
  await writeFile(file, "before");
  await expect(placeFile(file, content, { isForced: false, signal })).rejects.toThrow(`${file} is there already`);
  expect(await readFile(file, "utf8")).toBe("before");
  await placeFile(file, content, { isForced: true, signal });
  expect(await readFile(file, "utf8")).toBe("whole");
  expect(await readdir(folder)).toEqual(["x"]);
});

it("an interruption leaves nothing", async () => {
  const controller = new AbortController();
  const placed = placeFile(join(folder, "x"), Buffer.alloc(64 * 1024 ** 2), {
    isForced: false,
    signal: controller.signal,
  });
  setImmediate(() => controller.abort(new Error("interrupted")));
  await expect(placed).rejects.toThrow("interrupted");
  expect(await readdir(folder)).toEqual([]);
});

it("a folder that is not there is said", async () => {
  await expect(placeFile(join(folder, "no", "x"), content, { isForced: false, signal })).rejects.toThrow(
    /cannot be written: ENOENT/,
  );
});
