import { resolve } from "node:path";
import { readTruss } from "./adapters/truss/snapshot.ts";
import type { EnvironmentSpec } from "./config/environment.ts";
import { keyPath } from "./config/sentences.ts";
import { badInput, messageOf, OperatorError } from "./domain/errors.ts";
import { configFilename, parseTrussConfig } from "./domain/truss/config.ts";
import { hashSnapshot } from "./domain/truss/hash.ts";
import { contentAt } from "./domain/truss/snapshot.ts";

/**
 * Content hash by truss folder, of every truss that the environment names, each read once. Folders are relative to
 * `project`. Throws one `badInput` with a sentence for each folder that holds no valid truss.
 */
export async function trussHashesOf(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  project: string,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  const mistakes: string[] = [];
  for (const [name, { truss }] of Object.entries(zoo)) {
    if (hashes.has(truss)) continue;
    try {
      hashes.set(truss, await hashOf(truss, project));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      mistakes.push(`${keyPath(["zoo", name, "truss"])}: ${messageOf(error)}`);
    }
  }
  if (mistakes.length > 0) throw badInput(mistakes.join("\n"));
  return hashes;
}

async function hashOf(truss: string, project: string): Promise<string> {
  const { snapshot, patterns } = await readTruss(resolve(project, truss)).catch((error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
    throw badInput(`"${truss}" is not a folder of the project; give the folder that holds ${configFilename}`, error);
  });
  const config = contentAt(snapshot, configFilename);
  if (!config) throw badInput(`"${truss}" holds no ${configFilename}; give a truss folder, which has one`);
  parseTrussConfig(new TextDecoder().decode(config), `${truss}/${configFilename}`);
  return hashSnapshot(snapshot, patterns);
}
