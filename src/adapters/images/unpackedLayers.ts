import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Layers that are not smaller are kept unpacked for other images that begin alike; in bytes as they are sent. */
const worthKeeping = 8 * 1024 * 1024;

/**
 * Unpacked beginnings of images in a store, each named by the digests of its layers. They share their files with the images by hard links: nothing
 * writes into a file of the store, and unpacking replaces files.
 */
export class UnpackedLayers {
  readonly #store: string;
  readonly #folder: string;

  constructor(store: string) {
    this.#store = store;
    this.#folder = join(store, ".layers");
  }

  /** Puts the longest beginning of `layers` that is kept into `rootfs`, which exists and is empty. Answers of how many layers it is. */
  async restore(layers: readonly { readonly digest: string }[], rootfs: string): Promise<number> {
    for (let count = layers.length; count > 0; count -= 1) {
      const kept = this.#place(layers.slice(0, count));
      if (!(await stat(kept).catch(() => undefined))) continue;
      await linked(kept, rootfs);
      return count;
    }
    return 0;
  }

  /** Keeps what the layers have become in `rootfs`, where the last of them is large. */
  async keep(layers: readonly { readonly digest: string; readonly size: number }[], rootfs: string): Promise<void> {
    if ((layers.at(-1)?.size ?? 0) < worthKeeping) return;
    // Under a name that the store sweeps, should this process be killed.
    const draft = join(this.#store, `.tmp-${randomBytes(8).toString("hex")}`);
    try {
      await mkdir(this.#folder, { recursive: true });
      await mkdir(draft);
      await linked(rootfs, draft);
      // Another pull may have been first.
      await rename(draft, this.#place(layers)).catch(() => {});
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  #place(layers: readonly { readonly digest: string }[]): string {
    const hash = createHash("sha256").update(layers.map(({ digest }) => digest).join("\n"));
    return join(this.#folder, hash.digest("hex"));
  }
}

async function linked(from: string, to: string): Promise<void> {
  await run("cp", ["-al", "--no-target-directory", from, to]);
}
