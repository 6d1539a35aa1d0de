import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { loadAll } from "js-yaml";

/** What Pulumi.yaml says of stacks' config. */
export interface ProjectSettings {
  /** Folder of the stack files, relative to the project. */
  readonly stackConfigDir?: string;
  readonly config?: Readonly<Record<string, { readonly default?: unknown } | null>>;
}

/** Pulumi.yaml, which the engine has read; empty where the program runs in another folder than its project's. */
export async function projectSettings(project: string): Promise<ProjectSettings> {
  const text = await readFile(join(project, "Pulumi.yaml"), "utf8").catch(() => "");
  return (loadAll(text)[0] ?? {}) as ProjectSettings;
}

/**
 * The file that the engine reads a stack's config from: `Pulumi.<stack>.yaml` in `folder`, or the one that `--config-file` or
 * PULUMI_OPTION_CONFIG_FILE names, relative to the engine's working folder.
 */
export function stackFilePath(
  folder: string,
  stack: string,
  engine: { readonly named: string | undefined; readonly folder: string | undefined },
): { readonly path: string; readonly file: string } {
  const file = engine.named || `Pulumi.${stack}.yaml`;
  return { path: resolve((engine.named && engine.folder) || folder, file), file };
}
