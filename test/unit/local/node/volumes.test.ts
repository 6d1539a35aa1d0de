import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeAtomicVolume } from "../../../../src/local/node/atomicVolume.ts";
import { readLog } from "../../../../src/local/node/containerLog.ts";
import { configMapFiles, file, secretFiles } from "../../../../src/local/node/volumeFiles.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "node-volumes-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = (path: string, content: string, mode?: number) => file(path, Buffer.from(content), mode);

describe("a volume that the node fills", () => {
  it("shows each key as a link into the present generation", async () => {
    await writeAtomicVolume(folder, [text("a", "1"), text("sub/b", "2", 0o400)]);
    expect(await readFile(join(folder, "a"), "utf8")).toBe("1");
    expect(await readFile(join(folder, "sub/b"), "utf8")).toBe("2");
    expect(await readlink(join(folder, "a"))).toBe("..data/a");
    expect((await stat(join(folder, "sub/b"))).mode & 0o777).toBe(0o400);
  });

  it("is replaced as a whole, and only when something changed", async () => {
    expect(await writeAtomicVolume(folder, [text("a", "1"), text("b", "1")])).toBe(true);
    const first = await readlink(join(folder, "..data"));
    expect(await writeAtomicVolume(folder, [text("b", "1"), text("a", "1")])).toBe(false);
    expect(await writeAtomicVolume(folder, [text("a", "2")])).toBe(true);
    const names = await readdir(folder);
    expect(names).not.toContain(first);
    expect(names).not.toContain("b");
    expect(await readFile(join(folder, "a"), "utf8")).toBe("2");
  });

  it("may be empty", async () => {
    await writeAtomicVolume(folder, []);
    expect((await readdir(join(folder, "..data"))).length).toBe(0);
  });
});

describe("what a volume holds", () => {
  it("is every key, or the items chosen, under their paths and modes", () => {
    const map = { data: { a: "1", b: "2" }, binaryData: { c: "AAE=" } };
    expect(configMapFiles(map, { source: "m" }).map(({ path }) => path)).toEqual(["a", "b", "c"]);
    const items = [{ key: "b", path: "x/y", mode: 0o600 }];
    expect(configMapFiles(map, { source: "m", items })).toEqual([text("x/y", "2", 0o600)]);
    expect(secretFiles({ data: { p: "aGk=" } }, { source: "s" })).toEqual([text("p", "hi")]);
  });

  it("must exist unless it is optional", () => {
    expect(() => configMapFiles(undefined, { source: 'configmap "a/b"' })).toThrow('configmap "a/b" not found');
    expect(configMapFiles(undefined, { source: "m", optional: true })).toEqual([]);
    const items = [{ key: "z", path: "z" }];
    expect(() => secretFiles({ data: {} }, { source: 'secret "a/b"', items })).toThrow('secret "a/b" has no key "z"');
  });

  it("stays inside the volume", () => {
    expect(() => text("../x", "")).toThrow('without ".."');
    expect(() => text("/x", "")).toThrow("must be relative");
  });
});

describe("reading a log", () => {
  const line = (n: number, what: string): string => `2026-01-01T00:00:0${n}.000000000Z stdout F ${what}\n`;
  const read = async (query: Parameters<typeof readLog>[1], ended = () => true): Promise<string> => {
    let all = "";
    for await (const part of readLog(join(folder, "0.log"), query, ended, AbortSignal.timeout(5_000))) all += part;
    return all;
  };

  beforeEach(async () => {
    await writeFile(join(folder, "0.log.1"), line(1, "one") + line(2, "two"));
    await writeFile(join(folder, "0.log"), line(3, "three"));
  });

  it("goes over the last rotation", async () => {
    expect(await read({})).toBe("one\ntwo\nthree\n");
    expect(await read({ tailLines: 2 })).toBe("two\nthree\n");
    expect(await read({ tailLines: 0 })).toBe("");
    expect(await read({ since: Date.parse("2026-01-01T00:00:03Z") })).toBe("three\n");
    expect(await read({ limitBytes: 5 })).toBe("one\nt");
  });

  it("of a container that runs goes on until it ends", async () => {
    let looks = 0;
    const ended = (): boolean => {
      looks += 1;
      return looks > 3;
    };
    const reading = read({ follow: true, tailLines: 1 }, ended);
    await writeFile(join(folder, "0.log"), line(4, "four"), { flag: "a" });
    expect(await reading).toBe("three\nfour\n");
  });
});
