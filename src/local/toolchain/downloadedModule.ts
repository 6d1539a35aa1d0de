import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OperatorError } from "../../domain/errors.ts";
import { type GoCommand, runGo } from "./goCommand.ts";
import { refuse } from "./refusals.ts";

/** A module in go's module cache, as `go list -m -json` says it. */
export interface DownloadedModule {
  readonly Dir: string;
  /** Its go.mod, which old modules do not have in `Dir`. */
  readonly GoMod: string;
}

/** What `go mod edit -json` says of a go.mod, as far as it is read; null for what it has none of. */
interface GoMod {
  readonly Require: readonly { readonly Path: string; readonly Version: string }[] | null;
  readonly Replace:
    | readonly {
        readonly Old: { readonly Path: string };
        readonly New: { readonly Version?: string };
      }[]
    | null;
}

/** How modules are downloaded: `folder` has the go.mod and go.sum that pin them, and gets a folder of its own. */
export type ModuleSite = Omit<GoCommand, "arguments"> & {
  /** Name of the folder in `tools` that they come from, for sentences. */
  readonly name: string;
};

/** Version of each module that a site's go.mod asks for, or puts in the place of what is asked for. */
export async function pinnedVersions(site: ModuleSite): Promise<ReadonlyMap<string, string>> {
  const answer = await runGo({ ...site, arguments: ["mod", "edit", "-json"] });
  const { Require, Replace } = JSON.parse(answer) as GoMod;
  return new Map([
    ...(Require ?? []).map(({ Path, Version }) => [Path, Version] as const),
    ...(Replace ?? []).map(({ Old, New }) => [Old.Path, New.Version ?? "a folder"] as const),
  ]);
}

/**
 * Downloads one version of a module, which the site's go.sum must vouch for.
 *
 * The module is asked for by itself: a go.mod that names it cannot be loaded where the module asks for a newer Go than there is. No
 * newer one is fetched for what is only unpacked, and go's refusal, which comes after it has unpacked the module, is no failure here.
 * A build still needs that Go, unless its cuts lower what the module's go.mod asks for.
 */
export async function downloadModule(module: string, version: string, site: ModuleSite): Promise<DownloadedModule> {
  const { name, purpose, log } = site;
  const sums = await readFile(join(site.folder, "go.sum"), "utf8");
  if (!sums.split("\n").some((line) => line.startsWith(`${module} ${version} h1:`))) {
    throw refuse("go.not-pinned", { purpose, name, place: `${module} ${version}`, log });
  }
  const folder = join(site.folder, "downloads");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "go.mod"), "module downloads\n");
  await copyFile(join(site.folder, "go.sum"), join(folder, "go.sum"));
  const alone = { ...site, folder, env: { ...site.env, GOTOOLCHAIN: "local" } };
  const wanted = `${module}@${version}`;
  let refused: unknown;
  await runGo({ ...alone, arguments: ["mod", "download", wanted] }).catch((error: unknown) => {
    if (!(error instanceof OperatorError) || error.refusals.every(({ id }) => id !== "go.too-old")) throw error;
    refused = error;
  });
  const found = JSON.parse(await runGo({ ...alone, arguments: ["list", "-m", "-json", wanted] })) as DownloadedModule;
  if (found.Dir === undefined) throw refused;
  return found;
}
