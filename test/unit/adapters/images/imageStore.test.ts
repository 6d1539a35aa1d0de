import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  ImageMissing,
  imageReference,
  listImages,
  putImage,
  readImage,
} from "../../../../src/adapters/images/imageStore.ts";

let work: string;
let store: string;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-images-"));
  store = join(work, "images");
});

afterEach(() => rm(work, { recursive: true, force: true }));

const config = { entrypoint: ["/bin/true"], cmd: [], env: { A: "1" }, workingDir: "/" };

function put(
  text: string,
  changes: { mode?: number; key?: string; source?: string; env?: Record<string, string> } = {},
) {
  return putImage(store, {
    url: "menagerie.local/truss/m",
    layers: [{ source: changes.source ?? "/layers/one", target: "/opt/x", key: changes.key ?? "k" }],
    config: { ...config, env: changes.env ?? config.env },
    populate: async (rootfs) => {
      await mkdir(join(rootfs, "app"));
      await writeFile(join(rootfs, "app", "f"), text, { mode: changes.mode ?? 0o644 });
      await symlink("f", join(rootfs, "app", "link"));
    },
  });
}

test("an image is read back by its reference, with its files", async () => {
  const image = await put("hello");
  const read = await readImage(store, imageReference(image));
  expect(read.image).toEqual(image);
  expect(await readFile(join(read.rootfs, "app", "link"), "utf8")).toBe("hello");
  expect(await listImages(store)).toEqual([image]);
});

test("equal content gives one image, also when put many times at once", async () => {
  const images = await Promise.all(Array.from({ length: 8 }, () => put("same")));
  expect(new Set(images.map(imageReference)).size).toBe(1);
  expect(await readdir(store)).toEqual([images[0]?.digest.slice("sha256:".length)]);
});

test("the digest depends on bytes, executable bit, layer keys and config, not on where layers lie", async () => {
  const first = (await put("a")).digest;
  const others = [
    await put("b"),
    await put("a", { mode: 0o755 }),
    await put("a", { key: "other" }),
    await put("a", { env: {} }),
  ];
  expect(new Set([first, ...others.map(({ digest }) => digest)]).size).toBe(5);
  const moved = await put("a", { source: "/elsewhere" });
  expect(moved.digest).toBe(first);
  expect((await readImage(store, imageReference(moved))).image.layers[0]?.source).toBe("/elsewhere");
});

test("an image that is not there is a typed error; a reference without digest is refused", async () => {
  await expect(readImage(store, `m@sha256:${"0".repeat(64)}`)).rejects.toBeInstanceOf(ImageMissing);
  await expect(readImage(store, "m:latest")).rejects.toThrow(/by digest only/);
});

test("a populate that fails leaves nothing, and what a killed process left is swept after an hour", async () => {
  const failing = putImage(store, { url: "m", layers: [], config, populate: () => Promise.reject(new Error("disk")) });
  await expect(failing).rejects.toThrow("disk");
  expect(await readdir(store)).toEqual([]);
  const [old, young] = [join(store, ".tmp-old"), join(store, ".tmp-young")];
  await mkdir(old);
  await mkdir(young);
  const past = new Date(Date.now() - 2 * 60 * 60 * 1000);
  await utimes(old, past, past);
  const image = await put("x");
  expect((await readdir(store)).sort()).toEqual([".tmp-young", image.digest.slice("sha256:".length)]);
  expect(await listImages(store)).toHaveLength(1);
});
