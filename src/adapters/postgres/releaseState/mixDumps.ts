import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { StateFile, StateTable } from "../../../domain/release/stateSchema.ts";
import { type DumpManifest, fileOfTable, readManifest, writeManifest } from "./dump.ts";

/** A state whose tables have the rows of several dumps. */
export interface MixedState {
  readonly tag: string;
  readonly files: readonly StateFile[];
  readonly tables: readonly Pick<StateTable, "name" | "seed">[];
  /** Absolute path of the dump whose sequences stand as they do there, and whose extensions there are. */
  readonly own: string;
  /** Absolute path of the dump that each table's rows are from; null for no rows. @default `own` */
  readonly rowsOf: Readonly<Record<string, string | null>>;
}

/** Writes a dump of a state that never was: rows are linked, not copied. Answers the folder. */
export async function mixDumps(folder: string, { tag, files, tables, own, rowsOf }: MixedState): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const manifests = new Map<string, DumpManifest>();
  const manifestOf = async (dump: string): Promise<DumpManifest> => {
    const manifest = manifests.get(dump) ?? (await readManifest(dump));
    manifests.set(dump, manifest);
    return manifest;
  };
  const mixed: DumpManifest["tables"] = [];
  for (const { name, seed } of tables) {
    const from = name in rowsOf ? rowsOf[name] : own;
    const table = from && (await manifestOf(from)).tables.find((each) => each.name === name);
    if (from && table) {
      await symlink(join(from, fileOfTable(name)), join(folder, fileOfTable(name)));
      mixed.push({ ...table, seed });
      continue;
    }
    mixed.push({ name, seed, columns: [], rows: 0, sha256: "", numbers: {} });
  }
  const { extensions, sequences } = await manifestOf(own);
  await writeManifest(folder, {
    formatVersion: 1,
    tag,
    seededFrom: null,
    files: [...files],
    tables: mixed,
    pipelines: [],
    extensions,
    sequences,
  });
  return folder;
}
