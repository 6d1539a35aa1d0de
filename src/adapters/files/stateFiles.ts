import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { badInput, messageOf } from "../../domain/errors.ts";
import type { StateFile } from "../../domain/release/stateSchema.ts";

/** The `.sql` files of a folder in the order of their names, which is the order they are run in. */
export async function readStateFiles(folder: string, key = "menagerie:state.schemas"): Promise<StateFile[]> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const reason = absent ? "does not exist" : `cannot be read (${messageOf(error)})`;
    throw badInput(`${key}: "${folder}" ${reason}; give the folder of the SQL files, relative to the project`, error);
  }
  if (names.length === 0)
    throw badInput(`${key}: "${folder}" has no .sql file; put the CREATE TABLE statements into one`);
  return Promise.all(
    names.map(async (name) => ({ name: join(folder, name), sql: await readFile(join(folder, name), "utf8") })),
  );
}
