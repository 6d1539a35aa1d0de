import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readStateFiles } from "../adapters/files/stateFiles.ts";
import { encryptedOwnKeys, engineValues } from "../config/engineValues.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { byPlace, type Issue, issueOf } from "../config/issue.ts";
import { declaredLeaveWarnings } from "../config/leave.ts";
import { type EnvironmentDefaults, parseEnvironment } from "../config/parse.ts";
import { keyPath } from "../config/sentences.ts";
import { stackConfig } from "../config/stackConfig.ts";
import type { StackFileReading } from "../config/stackFile.ts";
import { keysWithoutEffect } from "../config/withoutEffect.ts";
import { isMapping } from "../domain/mapping.ts";
import { about, type Refusal, refusal, refusalsOf, refused } from "../domain/refusals/refusal.ts";
import { configFilename } from "../domain/truss/config.ts";
import { needsContent } from "./content.ts";
import { proofSamples } from "./proofSamples.ts";
import { smokeSets } from "./smoke.ts";
import { requireTrussConfig } from "./trusses.ts";

export interface StackCheck {
  /** By place. */
  readonly issues: readonly Issue[];
  /** What has no effect, which stops nothing; by place. None where there are mistakes. */
  readonly warnings?: readonly Issue[];
  /** What the stack declares; undefined where its config is wrong. */
  readonly spec?: EnvironmentSpec | undefined;
}

export interface StackCheckOptions {
  readonly project: string;
  /** File's name for mistakes of the whole file. */
  readonly file: string;
  readonly defaults: EnvironmentDefaults;
  /** How to remove the environment, for a file that declares nothing. */
  readonly removal: string;
  /** What the engine passes to the program; default: what it would make of the file, with made-up secrets. */
  readonly engineConfig?: Readonly<Record<string, string>>;
  /** Config that counts beside the file's, and wins. */
  readonly stored?: (config: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** Encrypted values that the stack's key does not open. */
  readonly undecryptable?: (config: Readonly<Record<string, unknown>>) => Promise<readonly Refusal[]>;
}

/** Everything that is wrong with a stack, as far as no cluster and no database has to be asked: config, trusses and SQL files on disk. */
export async function checkStack(reading: StackFileReading, options: StackCheckOptions): Promise<StackCheck> {
  const issues = [...reading.issues];
  if (!reading.declares && issues.length === 0) {
    return { issues: [declaresNothing(options.file, options.removal)] };
  }
  if (!reading.isReadable) return { issues };
  const config = options.stored?.(reading.config) ?? reading.config;
  const raw = stackConfig(options.engineConfig ?? engineValues(config));
  const secretKeys = options.defaults.secretKeys ?? encryptedOwnKeys(config);
  const defaults = { ...options.defaults, secretKeys, stackFile: config };
  const found: Refusal[] = [];
  let spec: EnvironmentSpec | undefined;
  try {
    spec = parseEnvironment(raw, defaults);
  } catch (error) {
    found.push(...refusalsOf(error));
  }
  found.push(...(await folderIssues(raw, options.project)), ...((await options.undecryptable?.(config)) ?? []));
  const known = new Set(issues.map(({ message }) => message));
  for (const each of found) {
    if (known.has(each.message)) continue;
    known.add(each.message);
    issues.push(reading.locate(each));
  }
  if (issues.length > 0 || !spec) return { issues: issues.sort(byPlace) };
  const warnings = [...declaredLeaveWarnings(spec), ...keysWithoutEffect(spec)].map((each) => reading.locate(each));
  return { issues, warnings: warnings.sort(byPlace), spec };
}

/** The mistake of a file that is empty, or is not there. */
export function declaresNothing(file: string, removal: string): Issue {
  return issueOf(file, refusal("file.declares-nothing", null, { removal }), () => undefined);
}

type Mapping = Readonly<Record<string, unknown>>;

/**
 * What is wrong with the folders that a config names, also where other keys of it are wrong. A model whose content is pinned by
 * its hash, or is reverted, may have no folder: nothing that is not needed for going back may block going back.
 */
async function folderIssues(raw: Mapping, project: string): Promise<Refusal[]> {
  const users = new Map<string, { readonly path: readonly string[]; isPatched: boolean }>();
  const use = (path: readonly string[], model: unknown, isPatched = false): void => {
    if (!isMapping(model) || typeof model.truss !== "string" || !isInside(model.truss)) return;
    const folder = model.truss.replace(/\/+$/, "");
    if (isPatched || !users.has(folder)) users.set(folder, { path, isPatched });
  };
  const zoo = Object.entries(mappingOf(raw.zoo)).filter(
    ([, model]) => isMapping(model) && model.hash === undefined && needsContent(model),
  );
  for (const [name, model] of zoo) use(["zoo", name], model);
  for (const [name, deployment] of Object.entries(mappingOf(raw.shadows))) {
    const { primary, shadows } = mappingOf(deployment);
    use(["shadows", name, "primary"], primary);
    for (const [shadow, model] of Object.entries(mappingOf(shadows))) use(["shadows", name, "shadows", shadow], model);
  }
  for (const [name, model] of Object.entries(mappingOf(raw.development))) use(["development", name], model, true);
  const issues: Refusal[] = [];
  const collect = async (key: string, check: () => Promise<unknown>): Promise<void> => {
    try {
      await check();
    } catch (error) {
      issues.push(...refusalsOf(error).map((each) => (each.key === null ? about(key, each) : each)));
    }
  };
  const right = new Set<string>();
  for (const [folder, { path, isPatched }] of users) {
    await collect(keyPath([...path, "truss"]), async () => {
      await checkTruss(folder, project, isPatched);
      right.add(folder);
    });
  }
  const smoked = zoo.flatMap(([name, model]) => {
    const { truss, smoke } = mappingOf(model);
    if (typeof truss !== "string" || !right.has(truss.replace(/\/+$/, ""))) return [];
    return typeof smoke === "string" || Array.isArray(smoke) || smoke === undefined ? [[name, { truss, smoke }]] : [];
  });
  await collect(keyPath(["zoo"]).slice(0, -"zoo".length), async () => smokeSets(Object.fromEntries(smoked), project));
  await collect(keyPath(["zoo"]).slice(0, -"zoo".length), async () =>
    proofSamples(
      Object.fromEntries(
        zoo.flatMap(([name, model]) => {
          const { proof, from } = mappingOf(model);
          return isMapping(proof) && from !== undefined ? [[name, { proof, from: String(from) }]] : [];
        }),
      ),
      project,
    ),
  );
  const { schemas, release } = mappingOf(raw.state);
  // With a release the state may be one that is there, which needs no files: the preview, which asks the database, says it else.
  if (typeof schemas === "string" && isInside(schemas) && release === undefined) {
    const key = keyPath(["state", "schemas"]);
    await collect(key, () => readStateFiles(join(project, schemas), key));
  }
  return issues;
}

/** Refuses a folder that holds no truss, without reading what else is in it. */
async function checkTruss(folder: string, project: string, isPatched: boolean): Promise<void> {
  const path = resolve(project, folder);
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw refused(refusal("truss.not-a-folder", null, { folder, file: configFilename }));
  const text = await readFile(join(path, configFilename), "utf8").catch(() => undefined);
  requireTrussConfig(folder, text, isPatched);
}

/** A folder below the project, as the schema has it; others it refuses itself. */
function isInside(folder: string): boolean {
  return folder !== "" && !folder.startsWith("/") && !folder.split("/").includes("..") && !/[\0\\]/.test(folder);
}

function mappingOf(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}
