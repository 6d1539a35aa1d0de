import { randomBytes } from "node:crypto";
import { constants, copyFile, cp, link, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fingerprint } from "../fingerprint.ts";
import type { AnyTool } from "../tools.ts";
import { place } from "./place.ts";
import type { Executables, Source, SourceContext } from "./source.ts";

/** Where npm puts packages of this checkout. */
export const installedPackages = join(import.meta.dirname, "..", "..", "..", "..", "node_modules");

/** What a packed tool says of itself, as `menagerie` in its package.json. */
const packedTool = z.object({
  version: z.string(),
  menagerie: z.object({ tool: z.string(), pins: z.string() }),
});

/** Name of the package of a tool for this platform, such as `menagerie-tools-etcd-linux-x64`. */
export function packageName(tool: string, platform: string = `${process.platform}-${process.arch}`): string {
  return `menagerie-tools-${tool}-${platform}`;
}

/** Name of the package of the CRDs and manifests, which are the same everywhere. */
export const manifestsPackage = "menagerie-tools-manifests";

/** Tools that a machine of the team, or a release workflow, has built and packed (`npm run tools:pack`). */
export class PackageSource implements Source {
  readonly #context: SourceContext;
  readonly #packages: string;

  constructor(context: SourceContext, packages: string = installedPackages) {
    this.#context = context;
    this.#packages = packages;
  }

  async obtain(tool: AnyTool, target: string, say: (detail: string) => void): Promise<Executables | undefined> {
    const found = await installedPackage(packageName(tool.name), await fingerprint(tool), this.#packages);
    if (!found) return undefined;
    say("from its package");
    return await place(tool, target, this.#context, async (folder) => {
      for (const name of Object.keys(tool.packages)) await take(join(found.folder, "bin", name), join(folder, name));
      const record = JSON.parse(await readFile(join(found.folder, "tool.json"), "utf8")) as { goVersion: string };
      return { version: tool.version, goVersion: record.goVersion, seconds: 0, origin: found.id };
    });
  }

  /** Puts the packed manifests at `folder` (named after their pins) where a package has them. Answers whether it did. */
  async obtainManifests(folder: string, pins: string): Promise<boolean> {
    const found = await installedPackage(manifestsPackage, pins, this.#packages);
    if (!found) return false;
    const work = `${folder}.${process.pid}.${randomBytes(4).toString("hex")}`;
    try {
      await cp(join(found.folder, "manifests"), work, { recursive: true });
      await rm(folder, { recursive: true, force: true });
      await rename(work, folder);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return true;
  }
}

/** The installed package of that name if it was packed from these pins. */
export async function installedPackage(
  name: string,
  pins: string,
  packages: string = installedPackages,
): Promise<{ readonly folder: string; readonly id: string } | undefined> {
  const folder = join(packages, name);
  try {
    const found = packedTool.parse(JSON.parse(await readFile(join(folder, "package.json"), "utf8")));
    return found.menagerie.pins === pins ? { folder, id: `${name}@${found.version}` } : undefined;
  } catch {
    return undefined;
  }
}

/** A second name for the same file, so that a later `npm ci` does not pull it from under an environment; else a copy. */
async function take(source: string, target: string): Promise<void> {
  await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
}
