import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotEntry, TrussSnapshot } from "../../../../src/domain/truss/snapshot.ts";

type VectorEntry =
  | { path: string; type: "file"; content_b64: string; repeat?: number }
  | { path: string; type: "dir" }
  | { path: string; type: "symlink"; target: string };

/** One vector made with the real truss library; see the README beside the vectors. */
export interface Vector {
  name: string;
  description: string;
  ignore_patterns: string[] | null;
  prev: VectorEntry[];
  next: VectorEntry[];
  expected: Record<string, unknown>;
}

const folder = process.env.MENAGERIE_TRUSS_VECTORS ?? "/work/shared/vectors/truss";

/** All vectors of this machine; none where they are not there. */
export function readVectors(): Vector[] {
  return existsSync(folder) ? vectorsIn(folder) : [];
}

/** Vectors of what once was read otherwise than by the library. */
export function libraryCases(): Vector[] {
  return vectorsIn(join(import.meta.dirname, "../../../fixtures/truss"));
}

function vectorsIn(folder: string): Vector[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Vector);
}

/** Snapshot of a folder with these entries, with the folders that their paths imply. */
export function snapshotOf(entries: readonly VectorEntry[]): TrussSnapshot {
  const found = new Map<string, SnapshotEntry>();
  for (const entry of entries) {
    const parts = entry.path.split("/");
    for (let length = 1; length < parts.length; length += 1)
      found.set(parts.slice(0, length).join("/"), { kind: "dir" });
    if (entry.type === "dir") found.set(entry.path, { kind: "dir" });
    if (entry.type === "file") {
      const bytes = Buffer.from(entry.content_b64, "base64");
      const repeated = Buffer.concat(Array.from({ length: entry.repeat ?? 1 }, () => bytes));
      found.set(entry.path, { kind: "file", content: repeated, executable: false });
    }
  }
  for (const entry of entries) if (entry.type === "symlink") found.set(entry.path, follow(found, entry));
  return { entries: found };
}

function follow(entries: Map<string, SnapshotEntry>, link: { path: string; target: string }): SnapshotEntry {
  const led = entries.get(join(link.path, "..", link.target));
  if (led?.kind === "file") return { kind: "symlink", target: link.target, leadsTo: "file", content: led.content };
  return { kind: "symlink", target: link.target, leadsTo: led?.kind === "dir" ? "dir" : "nothing" };
}

/** Snapshot of text files, by path. */
export function textSnapshot(files: Record<string, string>): TrussSnapshot {
  return snapshotOf(
    Object.entries(files).map(([path, text]) => ({
      path,
      type: "file",
      content_b64: Buffer.from(text).toString("base64"),
    })),
  );
}
