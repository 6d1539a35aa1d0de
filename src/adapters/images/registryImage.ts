import { registryReference } from "../../domain/images/imageManifest.ts";
import type { ImageStanding } from "../../domain/zoo/goneImages.ts";
import { askRegistry, reasonOf } from "./registryAccess.ts";
import type { LoginSource } from "./registryLogins.ts";
import { acceptedManifests } from "./registryProtocol.ts";

const withinMs = 5_000;

/**
 * Asks a registry whether it holds an image. One that lets nobody of `sources` in, or does not answer, leaves it open.
 *
 * @param reference `<host>/<repository>@sha256:<64 hex>`
 */
export async function registryHolds(reference: string, sources: readonly LoginSource[]): Promise<ImageStanding> {
  const place = registryReference(reference);
  if (!place) return { state: "unknown", reason: `"${reference}" names no registry` };
  const request = {
    method: "HEAD",
    path: `manifests/${place.digest}`,
    headers: { accept: acceptedManifests },
  } as const;
  try {
    const answer = await askRegistry({ ...place, withinMs }, request, sources);
    if ("reason" in answer) return { state: "unknown", reason: answer.reason };
    return { state: answer.response.ok ? "stored" : "gone" };
  } catch (error) {
    return { state: "unknown", reason: `${place.host} does not answer: ${reasonOf(error)}` };
  }
}
