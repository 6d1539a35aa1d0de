import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { ImageConfig, KeyedLayer } from "./directoryImage.ts";

/**
 * `sha256:<hex>` of an image: every entry of `rootfs` in code-unit order of its path (kind, executable bit, target of
 * a symlink, bytes of a file), then the layers' targets and keys, then the config. Times, owners and other mode bits
 * do not count, so two builds of the same truss agree.
 */
export async function imageDigest(rootfs: string, layers: readonly KeyedLayer[], config: ImageConfig): Promise<string> {
  const hash = createHash("sha256");
  for (const path of await allPaths(rootfs)) await addEntry(hash, rootfs, path);
  for (const { target, key } of layers) addText(hash, "layer", target, key);
  addText(hash, "config", JSON.stringify([config.entrypoint, config.cmd, sorted(config.env), config.workingDir]));
  return `sha256:${hash.digest("hex")}`;
}

async function allPaths(rootfs: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(rootfs, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      found.push(path);
      if (entry.isDirectory()) await visit(path);
    }
  };
  await visit("");
  return found.sort();
}

async function addEntry(hash: Hash, rootfs: string, path: string): Promise<void> {
  const full = join(rootfs, path);
  const info = await lstat(full);
  if (info.isSymbolicLink()) return addText(hash, "symlink", path, await readlink(full));
  if (info.isDirectory()) return addText(hash, "dir", path);
  addText(hash, info.mode & 0o111 ? "executable" : "file", path, String(info.size));
  for await (const chunk of createReadStream(full)) hash.update(chunk as Buffer);
}

/** Length-prefixed, so that no two different lists of texts give the same bytes. */
function addText(hash: Hash, ...texts: string[]): void {
  for (const text of texts) {
    const bytes = Buffer.from(text);
    hash.update(`${bytes.length}:`).update(bytes);
  }
}

function sorted(env: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
}
