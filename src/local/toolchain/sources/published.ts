import { createHash } from "node:crypto";
import { basename } from "node:path";
import { openRepository } from "./image.ts";
import { fillIn, type Pin, type Release } from "./pins.ts";
import { ReleaseFailure, type ReleaseHosts } from "./releaseHost.ts";

/**
 * What the publisher of a release says today, and where: in its checksum file, or by what its registry has under the tag. Undefined for a
 * release that names neither.
 *
 * @throws ReleaseFailure where that cannot be read
 */
export async function publishedPin(
  release: Release,
  architecture: "x64" | "arm64",
  options: { readonly hosts: ReleaseHosts; readonly signal: AbortSignal; readonly base?: string },
): Promise<Pin | undefined> {
  const { hosts, signal } = options;
  const base = options.base ?? release.base.replace(/\/+$/, "");
  const named = { version: release.version, architecture: release.architectures[architecture] };
  if (release.archive !== undefined) {
    if (release.checksums === undefined) return undefined;
    const url = `${base}/${fillIn(release.checksums, named)}`;
    const answer = await hosts.get(url, {}, signal);
    if (answer.status !== 200) throw new ReleaseFailure(`${url} answers ${answer.status}`);
    const name = basename(fillIn(release.archive, named));
    const line = (await answer.text()).split("\n").find((each) => each.trim().split(/\s+\*?/)[1] === name);
    const hash = line?.trim().split(/\s+/)[0];
    if (!hash || !/^[0-9a-f]{64}$/.test(hash)) throw new ReleaseFailure(`${url} has no SHA-256 of ${name}`);
    return { digest: `sha256:${hash}`, record: url };
  }
  if (release.tag === undefined) return undefined;
  const tag = fillIn(release.tag, named);
  const { repository, headers } = await openRepository(`${base}/v2/${release.image}`, tag, { hosts, signal });
  const answer = await hosts.get(`${repository}/manifests/${tag}`, headers, signal);
  if (answer.status !== 200) throw new ReleaseFailure(`${repository} has no ${tag} (${answer.status})`);
  const hash = createHash("sha256").update(Buffer.from(await answer.arrayBuffer()));
  return { digest: `sha256:${hash.digest("hex")}`, record: `${repository}/manifests/${tag}` };
}
