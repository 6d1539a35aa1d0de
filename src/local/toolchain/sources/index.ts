import { fingerprint } from "../fingerprint.ts";
import type { AnyTool } from "../tools.ts";
import { toolsMode } from "./mode.ts";
import { installedPackage, manifestsPackage, PackageSource, packageName } from "./package.ts";
import { pinnedReleases, readReleases, releasesOf } from "./pins.ts";
import { ReleaseSource } from "./release.ts";
import type { Executables, Source, SourceContext } from "./source.ts";

/** Where sources look; tests point them elsewhere. */
export interface SourcePlaces {
  /** Folder of installed packages. @default `node_modules` of this checkout */
  readonly packages?: string;
  /** @default `tools/releases.yaml` */
  readonly releases?: string;
}

/**
 * The sources of one run, in order: an installed package, a release. What neither has is built. (The cache and the machine come
 * before them: their executables are not wanted any more.)
 */
export class ToolSources implements Source {
  readonly #context: SourceContext;
  readonly #places: SourcePlaces;
  readonly #wanted: readonly AnyTool[];
  #sources: Promise<readonly Source[]> | undefined;

  /** @param wanted all tools that this run lacks: what release hosts are asked is decided once, for them all */
  constructor(context: SourceContext, wanted: readonly AnyTool[], places: SourcePlaces = {}) {
    this.#context = context;
    this.#wanted = wanted;
    this.#places = places;
  }

  async obtain(tool: AnyTool, target: string, say: (detail: string) => void): Promise<Executables | undefined> {
    this.#sources ??= this.#open();
    for (const source of await this.#sources) {
      const found = await source.obtain(tool, target, say);
      if (found) return found;
    }
    return undefined;
  }

  /** See {@link PackageSource.obtainManifests}. */
  async obtainManifests(folder: string): Promise<boolean> {
    if (toolsMode(this.#context.env) === "build") return false;
    return await new PackageSource(this.#context, this.#places.packages).obtainManifests(folder, manifestPins(folder));
  }

  async #open(): Promise<readonly Source[]> {
    const mode = toolsMode(this.#context.env);
    if (mode === "build") return [];
    const unpacked: AnyTool[] = [];
    for (const tool of this.#wanted) if (!(await isPacked(tool, this.#places))) unpacked.push(tool);
    const pinned = pinnedReleases(await readReleases(this.#places.releases), process.arch);
    return [
      new PackageSource(this.#context, this.#places.packages),
      new ReleaseSource(this.#context, mode, pinned, unpacked),
    ];
  }
}

/** Those of the tools that neither an installed package nor a pinned release can give, so that Go is needed. */
export async function toolsForGo(
  tools: readonly AnyTool[],
  env: NodeJS.ProcessEnv,
  places: SourcePlaces = {},
): Promise<readonly AnyTool[]> {
  if (toolsMode(env) === "build") return tools;
  const pinned = pinnedReleases(await readReleases(places.releases), process.arch);
  const left: AnyTool[] = [];
  for (const tool of tools) if (!releasesOf(tool, pinned) && !(await isPacked(tool, places))) left.push(tool);
  return left;
}

/** Whether an installed package has the manifests that belong at `folder`. */
export async function manifestsArePacked(
  folder: string,
  env: NodeJS.ProcessEnv,
  places: SourcePlaces = {},
): Promise<boolean> {
  if (toolsMode(env) === "build") return false;
  return (await installedPackage(manifestsPackage, manifestPins(folder), places.packages)) !== undefined;
}

async function isPacked(tool: AnyTool, { packages }: SourcePlaces): Promise<boolean> {
  return (await installedPackage(packageName(tool.name), await fingerprint(tool), packages)) !== undefined;
}

/** The manifests' folder is named after them: `crds-<pins>`. */
function manifestPins(folder: string): string {
  return folder.slice(folder.lastIndexOf("-") + 1);
}
