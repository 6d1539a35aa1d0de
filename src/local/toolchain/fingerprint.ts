import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type AnyTool, buildFlags } from "./tools.ts";

/** Where the pinned modules are: `tools/` of this checkout. */
export const toolsFolder = join(import.meta.dirname, "..", "..", "..", "tools");

/** Where a tool's go.mod is. */
export function moduleFolder({ name, module }: Pick<AnyTool, "name" | "module">): string {
  return module ?? join(toolsFolder, name);
}

/** Files of a module folder that decide what is built: go.mod, go.sum and our Go code, but not its tests. Sorted, relative. */
export async function sourceFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /^go\.(mod|sum)$|(?<!_test)\.go$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * 16 hex digits over everything that a build's result depends on: pins, our code, flags, packages, platform. The Go
 * release is left out on purpose: a tool that is built stays good when Go is upgraded, or removed.
 */
export async function fingerprint(tool: AnyTool, folder: string = moduleFolder(tool)): Promise<string> {
  const hash = createHash("sha256");
  const add = (text: string | Buffer) => hash.update(`${text.length}:`).update(text);
  add(JSON.stringify([process.platform, process.arch, buildFlags(tool), tool.env ?? {}, tool.packages]));
  for (const file of await sourceFiles(folder)) {
    add(file);
    add(await readFile(join(folder, file)));
  }
  return hash.digest("hex").slice(0, 16);
}
