import { constants, copyFile, link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DownloadedModule, downloadModule, pinnedVersions } from "./downloadedModule.ts";
import { moduleFolder } from "./fingerprint.ts";
import { type GoCommand, runGo } from "./goCommand.ts";
import type { AnyTool } from "./tools.ts";
import { applyCuts, parseTrims, type TrimmedModule, trimsFile, verifyOriginal } from "./trims.ts";

/** Where a workspace keeps its trimmed modules, relative to its folder. */
const copies = "trimmed";

/** A tool's trims; none where it has no list. */
export async function readTrims(tool: Pick<AnyTool, "name" | "module">): Promise<readonly TrimmedModule[]> {
  const file = join(moduleFolder(tool), trimsFile);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? [] : parseTrims(text, file);
}

/**
 * Makes the trimmed modules of a tool in its workspace, and has the workspace's go.mod use them. Each is a copy of what
 * go downloaded and checked against the tool's go.sum: go itself asks go.sum no more once a folder replaces a module.
 * The copies live and end with the workspace. Builds pass `-trimpath`, so that what is compiled from them is shared
 * through go's build cache although their folder is another one each time.
 */
export async function trimModules(tool: AnyTool, go: Omit<GoCommand, "arguments">): Promise<void> {
  const modules = await readTrims(tool);
  if (modules.length === 0) return;
  const site = { ...go, name: tool.name };
  const pinned = await pinnedVersions(site);
  for (const trimmed of modules) {
    const { module, version, files, without } = trimmed;
    const place = `${module} ${version}`;
    if (pinned.get(module) !== version) {
      const cut = [...files.map(({ path }) => path), ...(without ? [`*${without.ending}`] : [])];
      throw new Error(
        `${join(moduleFolder(tool), trimsFile)} has cuts for ${place}, but go.mod has ${pinned.get(module) ?? "none"}: review the cuts of ${cut.join(", ")}`,
      );
    }
    const downloaded = await downloadModule(module, version, site);
    const target = join(go.folder, copies, ...module.split("/"));
    await copyModule(downloaded, target, trimmed, place);
    await trimCopy(trimmed, target, moduleFolder(tool), place);
    await runGo({ ...go, arguments: ["mod", "edit", `-replace=${module}=./${copies}/${module}`] });
  }
}

/**
 * Copies what a build can need of a module: all but its tests, and files of the ending that is left out and that have no cuts. By hard links
 * where that goes, since some modules are hundreds of megabytes; no file of a copy is ever written over, so the module cache stays as it is.
 */
async function copyModule(module: DownloadedModule, target: string, { files, without }: TrimmedModule, place: string) {
  const entries = await readdir(module.Dir, { recursive: true, withFileTypes: true });
  if (without && !entries.some(({ name }) => name.endsWith(without.ending))) {
    throw new Error(`no file of ${place} ends in ${without.ending}: review ${trimsFile}`);
  }
  const listed = new Set(files.map(({ path }) => join(module.Dir, path)));
  const made = new Set<string>();
  for (const entry of entries) {
    const from = join(entry.parentPath, entry.name);
    const isLeftOut = without && entry.name.endsWith(without.ending) && !listed.has(from);
    if (!entry.isFile() || entry.name.endsWith("_test.go") || isLeftOut) continue;
    const to = join(target, from.slice(module.Dir.length));
    if (!made.has(dirname(to))) await mkdir(dirname(to), { recursive: true });
    made.add(dirname(to));
    await link(from, to).catch((error: NodeJS.ErrnoException) => {
      // Another file system, or somebody else's module cache.
      if (error.code !== "EXDEV" && error.code !== "EPERM" && error.code !== "EMLINK") throw error;
      return copyFile(from, to, constants.COPYFILE_FICLONE);
    });
  }
  await rm(join(target, "go.mod"), { force: true });
  await writeFile(join(target, "go.mod"), await readFile(module.GoMod));
}

async function trimCopy(trimmed: TrimmedModule, copy: string, toolFolder: string, place: string): Promise<void> {
  for (const file of trimmed.files) {
    const path = join(copy, file.path);
    const original = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      throw new Error(`${file.path} is not in ${place}: review its cuts in ${trimsFile}`);
    });
    verifyOriginal(original, file, place);
    // The module cache is read-only, and so is a copy from it: made anew rather than written over.
    await rm(path);
    if (file.cuts) await writeFile(path, applyCuts(original.toString("utf8"), file, place));
    if (file.ours) await writeFile(path, await readFile(join(toolFolder, file.ours)));
  }
}
