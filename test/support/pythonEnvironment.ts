import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { menagerieCache } from "../../src/adapters/files/cacheFolder.mjs";
import { findBasePython } from "../../src/adapters/truss/interpreter.ts";
import { bootstrapUv, packageEnvironment } from "../../src/adapters/truss/packageSource.ts";
import { pinnedUv, shortHash } from "../../src/adapters/truss/python.ts";
import { makeEnvironment } from "../../src/adapters/truss/virtualEnvironment.ts";

/**
 * Python of an environment with what a file of requirements pins, which all runs share.
 *
 * @param name - begins the name of its folder
 * @param file - of the requirements, fully pinned
 */
export async function pythonEnvironment(
  name: string,
  file: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const requirements = await readFile(file, "utf8");
  const root = join(menagerieCache(), "python");
  const base = await findBasePython(process.env, signal);
  const folder = join(root, `${name}-${shortHash(base.executable, base.version, requirements)}`);
  const env = await packageEnvironment(process.env, base.executable, signal);
  const uv = await bootstrapUv(join(root, "uv"), base, env, await pinnedUv(), signal);
  const packageCache = join(root, "packages");
  await makeEnvironment({ folder, uv, python: base.executable, requirements, signal, packageCache, env });
  return join(folder, "bin", "python");
}
