/** One path of a truss folder, relative, with `/` between components. */
export type SnapshotEntry =
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly executable: boolean }
  | { readonly kind: "dir" }
  /** `bytes`: content of the file that it leads to; absent for a folder, a broken link or anything else. */
  | {
      readonly kind: "symlink";
      readonly target: string;
      readonly leadsTo: "file" | "dir" | "nothing";
      readonly bytes?: Uint8Array;
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
export function contentAt(snapshot: TrussSnapshot, path: string): Uint8Array | undefined {
  const entry = snapshot.entries.get(path);
  return entry?.kind === "file" || entry?.kind === "symlink" ? entry.bytes : undefined;
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
