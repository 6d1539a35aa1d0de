import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentSpec } from "../config/environment.ts";
import { issuesError } from "../config/issue.ts";
import { type EnvironmentDefaults, parseEnvironment } from "../config/parse.ts";
import { prefix } from "../config/sentences.ts";
import { stackConfig } from "../config/stackConfig.ts";
import { readStackText } from "../config/stackFile.ts";
import { messageOf } from "../domain/errors.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";
import { checkStack, declaresNothing } from "./checkStack.ts";
import { configFileOption, type EngineProcess } from "./engineAbove.ts";
import { type ProjectSettings, projectSettings, stackFilePath } from "./stackFilePath.ts";

export interface EngineStack {
  /** Folder of Pulumi.yaml. */
  readonly project: string;
  readonly stack: string;
  /** The config that the engine passes to the program. */
  readonly config: Readonly<Record<string, string>>;
  readonly defaults: EnvironmentDefaults;
  /**
   * The engine that runs the program.
   * @default not known
   */
  readonly engine?: EngineProcess | undefined;
}

/**
 * What the stack declares, after its whole file was checked. The engine passes on what is below `config:` and ignores everything
 * else, so a typo in the first line would declare an empty environment. Where the config comes from elsewhere, as from Pulumi
 * Cloud, there is no file to check. Throws one `OperatorError` with a line for each mistake.
 */
export async function declaredStack(run: EngineStack): Promise<EnvironmentSpec> {
  const { project, stack, config, defaults, engine } = run;
  const settings = await projectSettings(project);
  const named = process.env.PULUMI_OPTION_CONFIG_FILE || (engine && configFileOption(engine.args));
  const folder = join(project, settings.stackConfigDir ?? "");
  const { path, file } = stackFilePath(folder, stack, { named, folder: engine?.folder });
  const removal = `menagerie destroy -s ${stack}`;
  const bytes = await readFile(path).catch((error: unknown) => {
    if (named) {
      throw refused(refusal("file.unreadable", null, { path, reason: messageOf(error) }), error);
    }
    return undefined;
  });
  const isEmpty = declaredKeys(settings, config).length === 0;
  if (!bytes) {
    // The engine takes a file that is not there for an empty one.
    if (isEmpty) throw issuesError([declaresNothing(file, removal)]);
    return parseEnvironment(stackConfig(config), defaults);
  }
  const reading = readStackText(bytes, file);
  // Keys of an `environment:` reach the engine only; what it passes is also what the program runs with.
  const { issues, spec } = await checkStack(
    { ...reading, declares: reading.declares || !isEmpty },
    {
      defaults,
      removal,
      project,
      file,
      engineConfig: config,
    },
  );
  if (!spec) throw issuesError(issues);
  return spec;
}

/** Keys of this project that are not defaults of Pulumi.yaml, which the engine passes for every stack. */
function declaredKeys(settings: ProjectSettings, config: Readonly<Record<string, string>>): string[] {
  const typed = settings.config ?? {};
  const isDefault = (key: string) => typed[key]?.default !== undefined && String(typed[key].default) === config[key];
  return Object.keys(config).filter((key) => key.startsWith(prefix) && !isDefault(key));
}
