import type { LoginSource } from "../adapters/images/registryLogins.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { effects } from "../domain/zoo/effects.ts";
import {
  type ImageStanding,
  neededImages,
  neededVersions,
  withoutImages,
  withUnstored,
} from "../domain/zoo/goneImages.ts";
import { copyName } from "../domain/zoo/plan.ts";
import { needsContent } from "./content.ts";
import type { PlatformPlan } from "./platform.ts";

/** The platform's plan once images were asked for, and what could not be found out. */
export interface CheckedImages {
  readonly platform: PlatformPlan | undefined;
  readonly sentences: readonly string[];
}

/**
 * Looks whether images are still where pods would pull them from. Pinned content whose image is gone is planned from its folder, as if
 * it had not been built: `up` would otherwise end at pods that cannot start. A version that is needed is marked, because its next pod
 * cannot start.
 *
 * @param holds asks the store or registry
 */
export async function withStoredImages(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  platform: PlatformPlan | undefined,
  holds: (reference: string) => Promise<ImageStanding>,
): Promise<CheckedImages> {
  if (!platform) return { platform, sentences: [] };
  const pinned = Object.entries(zoo).flatMap(([name, entry]) => {
    const { hash, phase } = entry;
    if (hash === undefined || !needsContent(entry)) return [];
    return [{ model: name, hash }, ...(effects[phase].content === "copy" ? [{ model: copyName(name), hash }] : [])];
  });
  const awaited = neededImages(platform.registry, pinned);
  const serving = neededVersions(platform.registry).flatMap(({ row }) => row.image ?? []);
  const asked = [...new Set([...awaited, ...serving])];
  const found = await Promise.all(asked.map(async (image) => ({ image, standing: await holds(image) })));
  const gone = new Set(found.filter(({ standing }) => standing.state === "gone").map(({ image }) => image));
  const unknown = found.flatMap(({ image, standing }) =>
    standing.state === "unknown" ? [{ image, reason: standing.reason }] : [],
  );
  return {
    platform: { ...platform, registry: withUnstored(withoutImages(platform.registry, gone), gone) },
    sentences: [
      ...unknown
        .filter(({ image }) => awaited.has(image))
        .map(({ image, reason }) => `whether ${image} is still there was not checked: ${reason}`),
      ...notChecked(unknown.filter(({ image }) => !awaited.has(image))),
    ],
  };
}

/** What serves is not part of the run, so a reason is told once, whatever it concerns. */
function notChecked(unknown: readonly { readonly image: string; readonly reason: string }[]): string[] {
  return [...Map.groupBy(unknown, ({ reason }) => reason)].map(([reason, images]) => {
    const [first] = images;
    const what = images.length === 1 ? `${first?.image} is` : `the images of ${images.length} versions that serve are`;
    return `whether ${what} still there was not checked: ${reason}`;
  });
}

/**
 * Asks where the stack's images are kept: the environment's own store, or a registry, as whoever runs this is logged in there, else
 * with the cluster's logins.
 */
export function imageHolder(
  { builds }: Pick<EnvironmentSpec, "builds">,
  store: string | undefined,
  clusterLogins: () => Promise<readonly LoginSource[]>,
): (reference: string) => Promise<ImageStanding> {
  if (builds.kind === "tekton" && builds.repository !== undefined) {
    let adapters: ReturnType<typeof registry> | undefined;
    const registry = async () => {
      const [{ registryHolds }, { userLogins }] = await Promise.all([
        import("../adapters/images/registryImage.ts"),
        import("../adapters/images/registryLogins.ts"),
      ]);
      return { registryHolds, sources: [...userLogins(), ...(await clusterLogins())] };
    };
    return async (reference) => {
      adapters ??= registry();
      const { registryHolds, sources } = await adapters;
      return registryHolds(reference, sources);
    };
  }
  return async (reference) => {
    // Asked on another machine than the one that built it, nothing is known to be gone.
    if (!store) return { state: "stored" };
    const { holdsImage } = await import("../adapters/images/imageStore.ts");
    return { state: (await holdsImage(store, reference)) ? "stored" : "gone" };
  };
}
