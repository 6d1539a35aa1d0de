import { bytesOf, type FileContent } from "../truss/content.ts";
import { contentHash } from "../truss/hash.ts";
import { countedPaths } from "../truss/ignore.ts";
import { ignoreRule } from "../truss/ignoreRule.ts";
import type { TrussSignature } from "../truss/signature.ts";
import { comparePaths, contentAt, type TrussSnapshot } from "../truss/snapshot.ts";
import type { FileBody, PatchAction } from "./operation.ts";

/** A path whose content differs between a signature and a snapshot. */
export interface PathChange {
  readonly path: string;
  readonly action: PatchAction;
  /** New content; undefined for removals and folders. */
  readonly content?: FileContent;
}

/** Changes from a signature to a snapshot, removals first, so that a file can take a folder's place and the reverse. */
export function changedPaths(previous: TrussSignature, next: TrussSnapshot, patterns: readonly string[]): PathChange[] {
  const isIgnored = ignoreRule(patterns);
  const before = new Map(
    Object.entries(previous.content_hashes_by_path).filter(([path, hash]) => !isIgnored(path, hash === null)),
  );
  const after = countedPaths(next, patterns);
  const kept = new Set(after);
  const removals: PathChange[] = [];
  const additions: PathChange[] = [];
  for (const path of [...before.keys()].sort(comparePaths)) {
    if (!kept.has(path)) removals.push({ path, action: "REMOVE" });
  }
  for (const path of after) {
    const content = contentAt(next, path);
    const old = before.get(path);
    if (content === undefined) {
      // The library says nothing where a file became a folder, and the file stays in the way of what is below.
      if (typeof old === "string") removals.push({ path, action: "REMOVE" });
      else if (!before.has(path)) additions.push({ path, action: "ADD" });
    } else if (old === undefined) additions.push({ path, action: "ADD", content });
    else if (old !== contentHash(content)) additions.push({ path, action: "UPDATE", content });
  }
  return [...removals, ...additions];
}

/**
 * Folders that became files although the container keeps empty folders in them: it deletes a folder only with its
 * last file, so the file could not be written there.
 */
export function blockedByEmptyFolders(previous: TrussSignature, changes: readonly PathChange[]): string[] {
  const paths = Object.entries(previous.content_hashes_by_path);
  const holdsFile = (folder: string): boolean =>
    paths.some(([path, hash]) => hash !== null && path.startsWith(`${folder}/`));
  return changes
    .filter(({ path, content }) => content && previous.content_hashes_by_path[path] === null)
    .map(({ path }) => path)
    .filter(
      (path) =>
        !holdsFile(path) ||
        paths.some(([below, hash]) => hash === null && below.startsWith(`${path}/`) && !holdsFile(below)),
    );
}

/**
 * Body of the patch for a changed file, with its path below `folder`. Text is sent as it is: the library would turn
 * CRLF into LF although the hash is over the raw bytes.
 */
export function fileBody(change: PathChange, folder: string): FileBody {
  const path = change.path.slice(folder.length + 1);
  if (!change.content) return { action: change.action, path, content: null };
  const bytes = bytesOf(change.content);
  try {
    const content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { action: change.action, path, content };
  } catch {
    const encoded = Buffer.from(bytes).toString("base64");
    return { action: change.action, path, content: null, content_bytes: encoded };
  }
}
