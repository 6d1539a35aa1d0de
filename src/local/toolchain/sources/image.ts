import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type DownloadOptions, download, downloadName, isDownloaded } from "./download.ts";
import type { PinnedRelease } from "./pins.ts";
import { ReleaseFailure, type ReleaseHosts } from "./releaseHost.ts";
import { unpack } from "./unpack.ts";

/** Media types of the image specification and of Docker's older one. */
const accepted = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const descriptor = z.object({ digest: z.string(), size: z.number() });
const index = z.object({
  manifests: z.array(
    descriptor.extend({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
  ),
});
const manifest = z.object({ layers: z.array(descriptor).min(1) });

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
  const repository = `${base}/v2/${release.path}`;
  const headers = { accept: accepted, ...(await login(repository, release, options)) };
  const read = async (digest: string): Promise<unknown> => {
    const file = join(options.downloads, downloadName("manifest", digest));
    await download(file, { url: `${repository}/manifests/${digest}`, headers, digest }, options);
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
  const { layers } = manifest.parse(found);
  const missing = new Map(Object.entries(wanted));
  // What an image is for is laid over its base, last.
  for (const layer of layers.toReversed()) {
    const file = join(options.downloads, downloadName("layer", layer.digest));
    if (!(await isDownloaded(file))) {
      const item = { url: `${repository}/blobs/${layer.digest}`, headers, digest: layer.digest, size: layer.size };
      await download(file, item, options);
    }
    options.say("unpacking");
    for (const name of await unpack(file, folder, Object.fromEntries(missing), options.signal)) missing.delete(name);
    await rm(file, { force: true });
    if (missing.size === 0) return;
  }
  throw new ReleaseFailure(`${repository} does not hold ${[...missing.values()].join(", ")}`);
}

/** Public registries give everybody a token where they ask for one (distribution specification, token authentication). */
async function login(
  repository: string,
  release: PinnedRelease,
  { hosts, signal }: { readonly hosts: ReleaseHosts; readonly signal: AbortSignal },
): Promise<Record<string, string>> {
  const answer = await hosts.get(`${repository}/manifests/${release.digest}`, { accept: accepted }, signal, "HEAD");
  await answer.body?.cancel();
  if (answer.status !== 401) return {};
  const challenge = answer.headers.get("www-authenticate") ?? "";
  const value = (key: string) => new RegExp(`${key}="([^"]*)"`).exec(challenge)?.[1];
  const realm = URL.parse(value("realm") ?? "");
  if (!realm) throw new ReleaseFailure(`${repository} wants a login that is none of a public registry (${challenge})`);
  const service = value("service");
  if (service) realm.searchParams.set("service", service);
  realm.searchParams.set("scope", value("scope") ?? `repository:${release.path}:pull`);
  const granted = await hosts.get(realm.href, { accept: "application/json" }, signal);
  const body = z
    .object({ token: z.string().optional(), access_token: z.string().optional() })
    .safeParse(await granted.json().catch(() => undefined));
  const token = body.data?.token ?? body.data?.access_token;
  if (!token) throw new ReleaseFailure(`${realm.host} gives no token for ${release.path} (${granted.status})`);
  return { authorization: `Bearer ${token}` };
}
