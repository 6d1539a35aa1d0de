import { messageOf } from "../../domain/errors.ts";
import type { ImageStanding } from "../../domain/zoo/goneImages.ts";

/** Manifests of every kind that a registry may keep under a digest (OCI distribution specification 1.1, and Docker's before it). */
const manifests = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");
const withinMs = 5_000;

/**
 * Asks a registry whether it holds an image, without credentials: one that wants some, or does not answer, leaves it open.
 *
 * @param reference `<host>/<name>@sha256:<64 hex>`
 */
export async function registryHolds(reference: string): Promise<ImageStanding> {
  const [, host = "", name = "", digest = ""] = /^([^/]+)\/(.+)@(sha256:[0-9a-f]{64})$/.exec(reference) ?? [];
  if (!/[.:]|^localhost$/.test(host)) return { state: "unknown", because: `"${reference}" names no registry` };
  const scheme = /^(localhost|127\.0\.0\.1)(:|$)/.test(host) ? "http" : "https";
  try {
    const response = await fetch(`${scheme}://${host}/v2/${name}/manifests/${digest}`, {
      method: "HEAD",
      headers: { accept: manifests },
      signal: AbortSignal.timeout(withinMs),
    });
    if (response.ok) return { state: "stored" };
    if (response.status === 404) return { state: "gone" };
    return { state: "unknown", because: `${host} answers HTTP ${response.status}` };
  } catch (error) {
    return { state: "unknown", because: `${host} does not answer: ${messageOf(error)}` };
  }
}
