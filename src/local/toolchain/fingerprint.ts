import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type AnyTool, buildEnvironment, buildFlags } from "./tools.ts";
import { parseTrims, type TrimmedModule, trimsFile } from "./trims.ts";

/** Where the pinned modules are: `tools/` of this checkout. */
export const toolsFolder = join(import.meta.dirname, "..", "..", "..", "tools");

/** Where a tool's go.mod is. */
export function moduleFolder({ name, module }: Pick<AnyTool, "name" | "module">): string {
  return module ?? join(toolsFolder, name);
}

/**
 * Files of a module folder that decide what is built: go.mod, go.sum, the list of cuts and our Go code, but not its
 * tests. Sorted, relative.
 */
export async function sourceFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .filter(({ name }) => name === trimsFile || /^go\.(mod|sum)$|(?<!_test)\.go$/.test(name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** What of a list of cuts decides a build: a better reason is no other tool. */
function withoutReasons(modules: readonly TrimmedModule[]): string {
  return JSON.stringify(modules, (key, value: unknown) => (key === "reason" ? undefined : value));
}

/**
 * 16 hex digits over everything that a build's result depends on: pins, our code, flags, packages, platform. The Go
 * release is left out on purpose: a tool that is built stays good when Go is upgraded, or removed.
 */
export async function fingerprint(tool: AnyTool, folder: string = moduleFolder(tool)): Promise<string> {
  const hash = createHash("sha256");
  const add = (text: string | Buffer) => hash.update(`${text.length}:`).update(text);
  add(JSON.stringify([process.platform, process.arch, buildFlags(tool), buildEnvironment(tool), tool.packages]));
  for (const file of await sourceFiles(folder)) {
    add(file);
    const text = await readFile(join(folder, file));
    add(file === trimsFile ? withoutReasons(parseTrims(text.toString("utf8"), join(folder, file))) : text);
  }
  return hash.digest("hex").slice(0, 16);
}
