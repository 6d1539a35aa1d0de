import type { FileContent } from "./content.ts";
import { ignoreRule } from "./ignoreRule.ts";
import type { TrussSnapshot } from "./snapshot.ts";

/** A file to write. */
export interface TreeFile {
  readonly content: FileContent;
  readonly executable: boolean;
}

/** Folders (with `undefined`) and files to write, by path; parents come before what they hold. */
export type Tree = ReadonlyMap<string, TreeFile | undefined>;

/**
 * The part of a snapshot below `folder`, with paths relative to it; "" is the whole. As when the truss library copies a
 * truss, symlinks to files become files, those to folders become empty folders, and broken ones are left out.
 *
 * @param patterns - left out besides what the snapshot already leaves out.
 */
export function treeBelow(snapshot: TrussSnapshot, folder: string, patterns: readonly string[] = []): Tree {
  const clean = folder.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  const prefix = clean === "" || clean === "." ? "" : `${clean}/`;
  const isIgnored = ignoreRule(patterns);
  const tree = new Map<string, TreeFile | undefined>();
  for (const [path, entry] of snapshot.entries) {
    if (!path.startsWith(prefix) || path === prefix) continue;
    const isFolder = entry.kind === "dir" || (entry.kind === "symlink" && entry.leadsTo === "dir");
    if (isIgnored(path, isFolder)) continue;
    if (isFolder) tree.set(path.slice(prefix.length), undefined);
    else if (entry.kind === "file") tree.set(path.slice(prefix.length), entry);
    else if (entry.kind === "symlink" && entry.content) {
      tree.set(path.slice(prefix.length), { content: entry.content, executable: false });
    }
  }
  return tree;
}

/** Whether the snapshot has a folder at `path`. */
export function hasFolder(snapshot: TrussSnapshot, path: string): boolean {
  const clean = path.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  return clean === "" || clean === "." || snapshot.entries.get(clean)?.kind === "dir";
}
