import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "./layout.ts";

const folderOf = (layout: EnvironmentLayout): string => join(layout.root, "sent-heads");

/** Remembers that a development version's head was sent from the folder that the stack declares. */
export async function recordSentHead(layout: EnvironmentLayout, versionId: string, headHash: string): Promise<void> {
  const folder = folderOf(layout);
  await mkdir(folder, { recursive: true });
  const draft = join(folder, `.${versionId}.${process.pid}`);
  await writeFile(draft, headHash);
  await rename(draft, join(folder, versionId));
}

/**
 * Value of MENAGERIE_SENT_HEADS for the program, `<version id>=<hash>` separated by commas: an `up` replaces such a head
 * without asking, for nobody else's work is lost by that.
 */
export async function sentHeads(layout: EnvironmentLayout): Promise<string> {
  const names = await readdir(folderOf(layout)).catch(() => []);
  const entries = names
    .filter((name) => !name.startsWith("."))
    .map(async (name) => `${name}=${await readFile(join(folderOf(layout), name), "utf8")}`);
  return (await Promise.all(entries)).join(",");
}
