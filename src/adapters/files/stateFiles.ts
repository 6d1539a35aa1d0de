import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../domain/errors.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import type { StateFile } from "../../domain/release/stateSchema.ts";
import { refusal } from "../refusals.ts";

/** The `.sql` files of a folder in the order of their names, which is the order they are run in. */
export async function readStateFiles(folder: string, key = "menagerie:state.schemas"): Promise<StateFile[]> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const reason = absent ? "does not exist" : `cannot be read (${messageOf(error)})`;
    throw refused(refusal("state.files-unreadable", key, { folder, reason }), error);
  }
  if (names.length === 0) throw refused(refusal("state.files-none", key, { folder }));
  return Promise.all(
    names.map(async (name) => ({ name: join(folder, name), sql: await readFile(join(folder, name), "utf8") })),
  );
}
