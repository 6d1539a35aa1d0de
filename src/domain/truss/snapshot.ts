import { type FileContent, isSameContent } from "./content.ts";

/** One path of a truss folder, relative, with `/` between components. */
export type SnapshotEntry =
  | { readonly kind: "file"; readonly content: FileContent; readonly executable: boolean }
  | { readonly kind: "dir" }
  /** `content`: of the file that it leads to; absent for a folder, a broken link or anything else. */
  | {
      readonly kind: "symlink";
      readonly target: string;
      readonly leadsTo: "file" | "dir" | "nothing";
      readonly content?: FileContent;
    }
  /** A socket, pipe or device: it has a path and no content. */
  | { readonly kind: "other" };

/** A truss folder as it was at one moment: everything that is computed about it comes from one such reading. */
export interface TrussSnapshot {
  /** Without the root itself. The entries of a folder that is a symlink are not listed. */
  readonly entries: ReadonlyMap<string, SnapshotEntry>;
  /** The patterns that were left out when it was read, so that nobody asks them of every path again. */
  readonly leftOut?: readonly string[];
}

/** Content that counts at `path`: of a file, or of the file that a symlink leads to. */
export function contentAt(snapshot: TrussSnapshot, path: string): FileContent | undefined {
  const entry = snapshot.entries.get(path);
  return entry?.kind === "file" || entry?.kind === "symlink" ? entry.content : undefined;
}

/** Whether two entries stand for the same: kind, content, executable bit, and where a link leads. */
export function isSameEntry(a: SnapshotEntry, b: SnapshotEntry): boolean {
  if (a === b) return true;
  if (a.kind === "file")
    return b.kind === "file" && a.executable === b.executable && isSameContent(a.content, b.content);
  if (a.kind !== "symlink" || b.kind !== "symlink") return a.kind === b.kind;
  if (a.target !== b.target || a.leadsTo !== b.leadsTo) return false;
  if (!a.content || !b.content) return a.content === b.content;
  return isSameContent(a.content, b.content);
}

/**
 * Order of paths by component, components by code point, as Python sorts paths: `a/b` before `a-b`, and U+FF5E before
 * characters outside the basic plane, which JavaScript's default order has the other way round.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Separator first, then code units with surrogates behind the rest of the basic plane. */
function rank(unit: number): number {
  if (unit === 0x2f) return -1;
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
