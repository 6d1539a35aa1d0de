import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { LayerUnusable, unpackLayer } from "../../../../src/adapters/images/unpackLayer.ts";
import { paxPath, type TarEntry, tar } from "../../../support/tar.ts";

let folder: string;
/** Of the image. Beside it lies `secret`, which no layer may touch. */
let root: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-layer-"));
  root = join(folder, "root");
  await mkdir(root);
  await writeFile(join(folder, "secret"), "kept");
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

async function apply(entries: readonly TarEntry[] | Uint8Array): Promise<void> {
  const file = join(folder, "layer.tar");
  await writeFile(file, entries instanceof Uint8Array ? entries : tar(entries));
  await unpackLayer(file, root);
}

const file = (name: string, content = name): TarEntry => ({ name, content });
const dir = (name: string, mode = 0o755): TarEntry => ({ name, type: "5", mode });
const symbolic = (name: string, linkName: string): TarEntry => ({ name, type: "2", linkName });
const hard = (name: string, linkName: string): TarEntry => ({ name, type: "1", linkName });
const read = (path: string) => readFile(join(root, path), "utf8");
const all = async () => (await readdir(root, { recursive: true })).sort();

describe("layers, one over the other,", () => {
  it("add files, replace files, and make folders that no entry names", async () => {
    await apply([dir("app/"), file("app/a", "1"), file("deep/down/b")]);
    await apply([file("app/a", "2"), file("app/c")]);
    expect(await all()).toEqual(["app", "app/a", "app/c", "deep", "deep/down", "deep/down/b"]);
    expect(await read("app/a")).toBe("2");
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("may be packed by %s", async (_, pack) => {
    await apply(pack(tar([file("a")])));
    expect(await read("a")).toBe("a");
  });

  it("keep modes, whatever this process masks; folders stay open to their owner", async () => {
    await apply([
      { ...file("run"), mode: 0o777 },
      { ...file("shut"), mode: 0o600 },
      dir("tmp/", 0o1777),
      dir("locked/", 0o555),
    ]);
    const mode = async (path: string) => ((await stat(join(root, path))).mode & 0o7777).toString(8);
    expect(await Promise.all(["run", "shut", "tmp", "locked"].map(mode))).toEqual(["777", "600", "1777", "755"]);
  });

  it("put a file in the place of a folder, a folder in that of a file and of a link, and keep what is in a folder", async () => {
    await apply([dir("one/"), file("one/in"), file("two"), symbolic("three", "one"), dir("four/"), file("four/in")]);
    await apply([
      file("one", "now a file"),
      dir("two/"),
      file("two/in"),
      dir("three/"),
      file("three/in"),
      dir("four/"),
    ]);
    expect(await all()).toEqual(["four", "four/in", "one", "three", "three/in", "two", "two/in"]);
    expect(await read("one")).toBe("now a file");
  });

  it("leave out devices and pipes, which one user id cannot make", async () => {
    await apply([{ name: "dev/null", type: "3" }, { name: "pipe", type: "6" }, file("a")]);
    expect(await all()).toEqual(["a"]);
  });
});

describe("a whiteout", () => {
  beforeEach(() => apply([dir("app/"), file("app/a"), file("app/b"), dir("app/sub/"), file("app/sub/c"), file("top")]));

  it("removes what lies below it, a file, a folder or a link, and leaves no file of its own", async () => {
    await apply([symbolic("link", "app")]);
    await apply([file("app/.wh.a", ""), file("app/.wh.sub", ""), file(".wh.link", ""), file(".wh.never", "")]);
    expect(await all()).toEqual(["app", "app/b", "top"]);
  });

  it("is of lower layers alone, wherever it stands among its own", async () => {
    await apply([file("app/a", "new"), file("app/.wh.a", ""), file("app/.wh.b", ""), file("app/b", "new")]);
    expect([await read("app/a"), await read("app/b")]).toEqual(["new", "new"]);
  });

  it("of a whole folder leaves what its own layer puts there", async () => {
    await apply([dir("app/"), file("app/new"), file("app/.wh..wh..opq", "")]);
    expect(await all()).toEqual(["app", "app/new", "top"]);
  });

  it("removes a link, not what it leads to", async () => {
    await symlink(folder, join(root, "out"));
    await apply([file(".wh.out", ""), file("elsewhere/.wh.x", "")]);
    expect(await readFile(join(folder, "secret"), "utf8")).toBe("kept");
    expect(await all()).not.toContain("out");
  });

  it("behind a link removes nothing", async () => {
    await symlink(folder, join(root, "out"));
    await apply([file("out/.wh.secret", ""), file("out/.wh..wh..opq", "")]);
    expect(await readFile(join(folder, "secret"), "utf8")).toBe("kept");
  });

  it.each([".wh.", ".wh..", ".wh..."])("%s names nothing that could be removed", async (name) => {
    const made = apply([file(`app/${name}`, "")]);
    await expect(made).rejects.toThrow(`whiteout "app/${name}" names nothing`);
    expect(await all()).toContain("top");
  });
});

describe("links", () => {
  it("of a container stay as they are written: absolute, upwards, or to nothing", async () => {
    await apply([symbolic("etc/a", "/usr/bin/a"), symbolic("b", "../../../b"), symbolic("c", "nothing")]);
    expect(await Promise.all(["etc/a", "b", "c"].map((path) => readlink(join(root, path))))).toEqual([
      ...["/usr/bin/a", "../../../b", "nothing"],
    ]);
  });

  it("of the hard kind are one file with another of this layer or of one below, from the image's root", async () => {
    await apply([file("lower")]);
    await apply([file("here"), hard("one", "here"), hard("two", "/lower"), hard("three", "./lower")]);
    const inode = async (path: string) => (await lstat(join(root, path))).ino;
    expect(await inode("one")).toBe(await inode("here"));
    expect(await inode("two")).toBe(await inode("lower"));
    expect(await inode("three")).toBe(await inode("lower"));
  });

  it.each([
    ["to nothing", hard("a", "nothing"), /hard link "a" leads to "nothing", which is not a file of the image/],
    ["to a folder", hard("a", "app"), /which is not a file/],
    ["upwards", hard("a", "../secret"), /hard link "a" leads out of the image/],
    ["behind a link that leads out", hard("a", "out/secret"), /which is not a file of the image/],
  ])("of the hard kind %s are refused", async (_, entry, sentence) => {
    await symlink(folder, join(root, "out"));
    await expect(apply([dir("app/"), entry])).rejects.toThrow(sentence);
    await expect(lstat(join(root, "a"))).rejects.toThrow(/ENOENT/);
  });

  it.each([
    ["a file", file("out/planted")],
    ["a folder", dir("out/planted/")],
    ["a link", symbolic("out/planted", "x")],
    ["a hard link", hard("out/planted", "a")],
  ])("are not followed: %s behind one that leads out is refused", async (_, entry) => {
    await symlink(folder, join(root, "out"));
    await expect(apply([file("a"), entry])).rejects.toThrow(LayerUnusable);
    expect((await readdir(folder)).sort()).toEqual(["layer.tar", "root", "secret"]);
  });

  it("are not followed within one layer either", async () => {
    await expect(apply([symbolic("out", ".."), file("out/planted")])).rejects.toThrow(LayerUnusable);
    await expect(lstat(join(folder, "planted"))).rejects.toThrow(/ENOENT/);
  });
});

describe("paths", () => {
  it("that are absolute are the image's", async () => {
    await apply([file("/etc/a"), file("//etc/b"), file("./c"), dir("./"), dir("/")]);
    expect(await all()).toEqual(["c", "etc", "etc/a", "etc/b"]);
  });

  it.each(["../planted", "app/../../planted", "/../planted"])("%s leads out, and is refused", async (name) => {
    await expect(apply([file(name)])).rejects.toThrow(`entry "${name}" leads out of the image`);
    expect((await readdir(folder)).sort()).toEqual(["layer.tar", "root", "secret"]);
  });

  it("of more than 100 characters, in a header of their own, are whole", async () => {
    const long = `${"d/".repeat(60)}name`;
    await apply([paxPath(long), file("short", "x")]);
    expect(await read(long)).toBe("x");
  });
});

describe("an archive", () => {
  it.each([
    ["that is cut off in a file", tar([file("a", "x".repeat(5000))]).subarray(0, 2000)],
    ["that is cut off in its compression", gzipSync(tar([file("a", "x".repeat(50_000))])).subarray(0, 60)],
    ["whose header is spoilt", Buffer.from(tar([file("a")]).map((byte, at) => (at === 150 ? byte ^ 1 : byte)))],
    ["that is none", Buffer.from("not an archive".repeat(100))],
  ])("%s is refused", async (_, content) => {
    await expect(apply(content)).rejects.toThrow(LayerUnusable);
  });

  it("without anything is a layer", async () => {
    await apply([]);
    expect(await all()).toEqual([]);
  });
});
