import { resolve } from "node:path";
import { readTruss, readTrussSync, type TrussReading } from "../adapters/truss/snapshot.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { shadowedModels } from "../config/shadowRules.ts";
import type { DeclaredFolder } from "../domain/development/plan.ts";
import { about, type Refusal, refusal, refusalsOf, refused } from "../domain/refusals/refusal.ts";
import { configFilename, isControlTruss, parseTrussConfig } from "../domain/truss/config.ts";
import { textBytes } from "../domain/truss/content.ts";
import { hashSnapshot } from "../domain/truss/hash.ts";
import { contentAt } from "../domain/truss/snapshot.ts";

/** What the program needs to know of a truss. */
export interface DeclaredTruss extends DeclaredFolder {
  /** Names of the secrets that it reads. */
  readonly secrets: readonly string[];
}

/**
 * Every truss that the models name, by folder, each read once. Folders are relative to `project`. Throws one
 * `OperatorError` with a sentence for each folder that holds no valid truss.
 */
export async function trussesOf(
  {
    zoo,
    development,
    shadows,
  }: { readonly [Section in "zoo" | "development"]: Readonly<Record<string, { readonly truss: string }>> } & Pick<
    EnvironmentSpec,
    "shadows"
  >,
  project: string,
): Promise<Map<string, DeclaredTruss>> {
  const users = new Map<string, readonly string[]>();
  for (const { path, model } of shadowedModels(shadows)) {
    if (!users.has(model.truss)) users.set(model.truss, path);
  }
  for (const [name, { truss }] of Object.entries(zoo)) if (!users.has(truss)) users.set(truss, ["zoo", name]);
  for (const [name, { truss }] of Object.entries(development)) users.set(truss, ["development", name]);
  const issues: Refusal[] = [];
  const trusses = new Map<string, DeclaredTruss>();
  for (const [truss, path] of users) {
    try {
      trusses.set(truss, await declaredTruss(truss, project, path[0] === "development"));
    } catch (error) {
      const key = keyPath([...path, "truss"]);
      issues.push(...refusalsOf(error).map((each) => about(key, each)));
    }
  }
  if (issues.length > 0) throw refused(issues);
  return trusses;
}

async function declaredTruss(truss: string, project: string, isPatched: boolean): Promise<DeclaredTruss> {
  const reading = await readTruss(resolve(project, truss)).catch((error: unknown) => notRead(truss, error));
  return contentOf(reading, truss, isPatched);
}

/**
 * One truss, at once: for a component, which is declared without waiting.
 * @throws OperatorError when the folder holds no valid truss
 */
export function declaredTrussSync(truss: string, project: string, isPatched: boolean): DeclaredTruss {
  try {
    return contentOf(readTrussSync(resolve(project, truss)), truss, isPatched);
  } catch (error) {
    return notRead(truss, error);
  }
}

/** What is not an operator's mistake goes on. */
function notRead(truss: string, error: unknown): never {
  const [first] = refusalsOf(error);
  if (first?.id !== "truss.folder-missing") throw error;
  throw refused(refusal("truss.not-a-folder", null, { folder: truss, file: configFilename }), error);
}

function contentOf({ snapshot, patterns }: TrussReading, truss: string, isPatched: boolean): DeclaredTruss {
  const content = contentAt(snapshot, configFilename);
  const text = content && new TextDecoder().decode(textBytes(content, configFilename));
  const config = requireTrussConfig(truss, text, isPatched);
  return { hash: hashSnapshot(snapshot, patterns), snapshot, patterns, secrets: Object.keys(config.secrets) };
}

/**
 * The config of a truss that a stack declares. Refuses a folder without one, and one that is patched and has no control server.
 *
 * @param text - its config.yaml; undefined where the folder has none
 */
export function requireTrussConfig(
  truss: string,
  text: string | undefined,
  isPatched: boolean,
): ReturnType<typeof parseTrussConfig> {
  const named = { folder: truss, file: configFilename };
  if (text === undefined) throw refused(refusal("truss.no-config", null, named));
  const config = parseTrussConfig(text, `${truss}/${configFilename}`);
  if (isPatched && !isControlTruss(config)) {
    throw refused(refusal("truss.no-control-server", null, named));
  }
  return config;
}
