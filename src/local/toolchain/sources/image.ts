import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { acceptedManifests, registryChallenge, tokenIn } from "../../../adapters/images/registryProtocol.ts";
import { type DownloadOptions, download, downloadName, isDownloaded } from "./download.ts";
import type { PinnedRelease } from "./pins.ts";
import { ReleaseFailure, type ReleaseHosts } from "./releaseHost.ts";
import { unpack } from "./unpack.ts";

const descriptor = z.object({ digest: z.string(), size: z.number() });
const index = z.object({
  manifests: z.array(
    descriptor.extend({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
  ),
});
const manifest = z.object({ layers: z.array(descriptor).min(1) });

/** One layer of an image. */
export type Layer = z.infer<typeof descriptor>;

/** What is read of an image before its layers. */
export interface ImageContents {
  /** Address of the repository, below which blobs and manifests are. */
  readonly repository: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Digests of the index and of this architecture's manifest, or of the manifest alone. */
  readonly manifests: readonly string[];
  readonly layers: readonly Layer[];
}

/**
 * Puts a release's executables, out of the layers of a container image, into `folder`. The pinned digest vouches for the index, the
 * index for the manifest of this architecture, and that for each layer, so that nothing is taken that the pin does not vouch for.
 */
export async function unpackImage(
  base: string,
  release: PinnedRelease,
  wanted: Readonly<Record<string, string>>,
  folder: string,
  options: DownloadOptions & { readonly downloads: string },
): Promise<void> {
  const { repository, headers, layers } = await readImage(base, release, options);
  const missing = new Map(Object.entries(wanted));
  // What an image is for is laid over its base, last.
  for (const layer of layers.toReversed()) {
    const file = join(options.downloads, downloadName("layer", layer.digest));
    if (!(await isDownloaded(file))) {
      await download(file, { url: `${repository}/blobs/${layer.digest}`, headers, ...layer }, options);
    }
    options.say("unpacking");
    for (const name of await unpack(file, folder, Object.fromEntries(missing), options.signal)) missing.delete(name);
    await rm(file, { force: true });
    if (missing.size === 0) return;
  }
  throw new ReleaseFailure(`${repository} does not hold ${[...missing.values()].join(", ")}`);
}

/** Reads index and manifest, each verified by the digest that names it. */
export async function readImage(
  base: string,
  release: PinnedRelease,
  options: DownloadOptions & { readonly downloads: string },
): Promise<ImageContents> {
  const { repository, headers } = await openRepository(`${base}/v2/${release.path}`, release.digest, options);
  const manifests: string[] = [];
  const read = async (digest: string): Promise<unknown> => {
    const file = join(options.downloads, downloadName("manifest", digest));
    await download(file, { url: `${repository}/manifests/${digest}`, headers, digest }, options);
    manifests.push(digest);
    try {
      return JSON.parse(await readFile(file, "utf8"));
    } finally {
      await rm(file, { force: true });
    }
  };
  let found = await read(release.digest);
  const several = index.safeParse(found);
  if (several.success) {
    const { architecture } = release;
    const own = several.data.manifests.find(
      ({ platform }) => platform?.os === "linux" && platform.architecture === architecture,
    );
    if (!own) throw new ReleaseFailure(`${repository} has no image for linux/${architecture}`);
    found = await read(own.digest);
  }
  const parsed = manifest.safeParse(found);
  if (!parsed.success) throw new ReleaseFailure(`${repository} has a manifest without layers`);
  return { repository, headers, manifests, layers: parsed.data.layers };
}

/**
 * Where a repository is and what requests to it need: nothing, or the token that public registries give everybody where they ask for
 * one (distribution specification, token authentication).
 */
export async function openRepository(
  repository: string,
  reference: string,
  { hosts, signal }: { readonly hosts: ReleaseHosts; readonly signal: AbortSignal },
): Promise<{ readonly repository: string; readonly headers: Readonly<Record<string, string>> }> {
  const accept = { accept: acceptedManifests };
  const answer = await hosts.get(`${repository}/manifests/${reference}`, accept, signal, "HEAD");
  await answer.body?.cancel();
  if (answer.status !== 401) return { repository, headers: accept };
  const header = answer.headers.get("www-authenticate");
  const path = new URL(repository).pathname.replace(/^.*\/v2\//, "");
  const challenge = registryChallenge(header, path);
  if (challenge?.scheme !== "bearer") {
    throw new ReleaseFailure(`${repository} wants a login, which no public registry does (${header ?? ""})`);
  }
  const { address } = challenge;
  const granted = await hosts.get(address.href, { accept: "application/json" }, signal);
  const token = tokenIn(await granted.json().catch(() => undefined));
  if (!token) throw new ReleaseFailure(`${address.host} gives no token for ${path} (${granted.status})`);
  return {
    // The front of a group of registries sends on to the registry that asked, and no token goes along to another host.
    repository: answer.redirected ? answer.url.replace(/\/manifests\/[^/]*$/, "") : repository,
    headers: { ...accept, authorization: `Bearer ${token}` },
  };
}
