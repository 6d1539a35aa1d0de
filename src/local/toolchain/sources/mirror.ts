import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DownloadItem, type DownloadOptions, download, isDownloaded } from "./download.ts";
import { readImage } from "./image.ts";
import type { PinnedRelease } from "./pins.ts";

/**
 * Downloads releases into a folder that any web server can serve as `MENAGERIE_TOOLS_URL`: archives at their paths, images as
 * `v2/<repository>/manifests/<digest>` and `v2/<repository>/blobs/<digest>`. What is there already is kept.
 */
export async function mirror(
  pinned: readonly PinnedRelease[],
  folder: string,
  options: Omit<DownloadOptions, "say"> & { readonly say: (line: string) => void },
): Promise<void> {
  const quiet = { ...options, say: () => {} };
  const take = async (path: string, item: DownloadItem) => {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    if (await isDownloaded(file)) return;
    options.say(path);
    await download(file, item, quiet);
  };
  for (const release of pinned) {
    const { base, path, digest } = release;
    if (release.kind === "archive") {
      await take(path, { url: `${base}/${path}`, digest });
      continue;
    }
    const image = await readImage(base, release, { ...quiet, downloads: join(folder, ".manifests") });
    const { repository, headers } = image;
    for (const layer of image.layers) {
      await take(`v2/${path}/blobs/${layer.digest}`, { url: `${repository}/blobs/${layer.digest}`, headers, ...layer });
    }
    // Last, so that an image is named once it is whole.
    for (const each of image.manifests.toReversed()) {
      await take(`v2/${path}/manifests/${each}`, { url: `${repository}/manifests/${each}`, headers, digest: each });
    }
  }
}
