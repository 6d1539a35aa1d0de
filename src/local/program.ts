import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { messageOf } from "../domain/errors.ts";
import { isMapping } from "../domain/mapping.ts";
import { projectSettings } from "../plan/stackFilePath.ts";
import { localProject, localStack, projectFolder } from "./localStack.ts";
import { refuse } from "./refusals.ts";

/** A Pulumi program that an environment's engine runs. Its stack there is always `local`. */
export interface Program {
  /** Folder of its Pulumi.yaml: the working directory of the engine, the program and its providers. */
  readonly folder: string;
  /** Its name in Pulumi.yaml. */
  readonly project: string;
  /** Folder of its stack files. */
  readonly stackFiles: string;
}

/** The checkout's own program: the environment's stack. */
export function checkoutProgram(): Program {
  return { folder: projectFolder, project: localProject, stackFiles: projectFolder };
}

/** Whether a program is the checkout's own. */
export function isCheckout({ folder }: Program): boolean {
  return folder === projectFolder;
}

/** `Pulumi.local.yaml` of a program. */
export function committedPath({ stackFiles }: Program): string {
  return join(stackFiles, `Pulumi.${localStack}.yaml`);
}

/**
 * The program in a folder of somebody's own, which has installed the package.
 *
 * @param folder - as it was given, relative to the working directory
 * @throws OperatorError for a folder that the engine could not run, or only with an error that does not say why
 */
export async function programIn(folder: string): Promise<Program> {
  const path = resolve(folder);
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) throw refuse("program.no-folder", { folder });
  if (path === resolve(projectFolder)) throw refuse("program.is-checkout", { folder });
  const { name, runtime, stackConfigDir } = await settingsOf(path, folder);
  if (runtime !== "nodejs") throw refuse("program.other-runtime", { folder, runtime: runtime ?? "none" });
  if (name === localProject) throw refuse("program.name-taken", { folder, name });
  const packages = createRequire(join(path, "package.json"));
  if (!versionFrom(packages, "@pulumi/pulumi")) throw refuse("program.not-installed", { folder });
  requirePackage(packages, folder);
  requirePlugins(packages, folder);
  return { folder: path, project: name, stackFiles: join(path, stackConfigDir ?? "") };
}

interface Settings {
  readonly name: string;
  readonly runtime: string | undefined;
  readonly stackConfigDir: string | undefined;
}

async function settingsOf(path: string, folder: string): Promise<Settings> {
  const settings = await projectSettings(path).catch((error: unknown) => {
    throw refuse("program.unreadable", { folder, reason: messageOf(error) }, error);
  });
  const { name, runtime, stackConfigDir } = settings as Readonly<Record<string, unknown>>;
  if (typeof name !== "string") throw refuse("program.no-project", { folder });
  const named = isMapping(runtime) ? runtime.name : runtime;
  return {
    name,
    runtime: typeof named === "string" ? named : undefined,
    stackConfigDir: typeof stackConfigDir === "string" ? stackConfigDir : undefined,
  };
}

/** What the state of the program's resources names, and what the program itself loads. */
function requirePackage(packages: NodeJS.Require, folder: string): void {
  try {
    packages.resolve("menagerie/package.json");
  } catch {
    throw refuse("program.without-package", { folder });
  }
  try {
    packages.resolve("menagerie/providers");
    packages.resolve("menagerie");
  } catch (error) {
    throw refuse("program.package-unbuilt", { folder }, error);
  }
}

/** An environment has one plugin of each provider, and the engine asks for that of the SDK's version. */
function requirePlugins(packages: NodeJS.Require, folder: string): void {
  const ofPackage = createRequire(packages.resolve("menagerie/package.json"));
  for (const name of ["@pulumi/kubernetes", "@pulumi/postgresql"] as const) {
    const has = versionFrom(ofPackage, name) ?? "none";
    const wanted = manifest.devDependencies[name];
    if (has !== wanted) throw refuse("program.other-plugin", { folder, name, has, wanted });
  }
}

/** Version of a package that is installed where `from` looks for it. */
function versionFrom(from: NodeJS.Require, name: string): string | undefined {
  try {
    const { version } = from(`${name}/package.json`) as { readonly version: string };
    return version;
  } catch {
    return undefined;
  }
}
