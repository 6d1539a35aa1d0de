import { readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parse } from "yaml";
import type { Surroundings } from "../config/parse.ts";
import { prefix } from "../config/sentences.ts";
import { readStackText } from "../config/stackFile.ts";
import { badInput, messageOf } from "../domain/errors.ts";
import { checkStack, declaresNothing, refuse } from "./checkStack.ts";

export interface EngineStack {
  /** Folder of Pulumi.yaml. */
  readonly project: string;
  readonly stack: string;
  /** The config that the engine passes to the program. */
  readonly config: Readonly<Record<string, string>>;
  readonly surroundings: Surroundings;
}

/**
 * `config:` of the stack's file, after the whole file was checked. The engine passes on what is below `config:` and ignores
 * everything else, so a typo in the first line would declare an empty environment. Undefined where the config comes from
 * elsewhere, as from Pulumi Cloud. Throws one `badInput` with a line for each mistake.
 */
export async function checkedStackFile({
  project,
  stack,
  config,
  surroundings,
}: EngineStack): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { path, file, isNamed } = stackFilePath(project, stack);
  const removal = `pulumi destroy -s ${stack}`;
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isNamed) {
      throw badInput(
        `the stack file ${path} cannot be read (${messageOf(error)}); name it by its absolute path`,
        error,
      );
    }
    return undefined;
  });
  const isEmpty = !(await declaredKeys(project, config)).length;
  if (!bytes) {
    // The engine takes a file that is not there for an empty one.
    if (isEmpty) throw refuse([declaresNothing(file, removal)]);
    return undefined;
  }
  const reading = readStackText(bytes, file);
  // Keys of an `environment:` reach the engine only; what it passes is also what the program runs with.
  const { mistakes } = await checkStack(
    { ...reading, declares: reading.declares || !isEmpty },
    {
      ...{ surroundings, removal, project, file },
      engineConfig: config,
    },
  );
  if (mistakes.length > 0) throw refuse(mistakes);
  return reading.config;
}

/** Keys of this project that are not defaults of Pulumi.yaml, which the engine passes for every stack. */
async function declaredKeys(project: string, config: Readonly<Record<string, string>>): Promise<string[]> {
  const settings: unknown = parse(await readFile(join(project, "Pulumi.yaml"), "utf8"));
  const typed = typeof settings === "object" && settings !== null && "config" in settings ? settings.config : {};
  const defaults = new Map(
    Object.entries(typed ?? {}).map(([key, value]: [string, { default?: unknown } | null]) => [
      key,
      String(value?.default),
    ]),
  );
  return Object.keys(config).filter((key) => key.startsWith(prefix) && defaults.get(key) !== config[key]);
}

/** Where the engine that runs this program reads the stack's config from. */
function stackFilePath(project: string, stack: string): { path: string; file: string; isNamed: boolean } {
  const engine = engineAbove(process.ppid);
  const named = process.env.PULUMI_OPTION_CONFIG_FILE || (engine && configFileOption(engine.args));
  const file = named || `Pulumi.${stack}.yaml`;
  return { path: resolve((named && engine?.folder) || project, file), file, isNamed: Boolean(named) };
}

/** Between the program and the engine is its language host. */
const ancestors = 4;

/**
 * Command line and working folder of the engine that runs this program, which it tells its programs in no other way.
 * Undefined where there is none, and on systems without `/proc`.
 */
function engineAbove(parent: number): { readonly args: readonly string[]; readonly folder: string } | undefined {
  let pid = parent;
  for (let above = 0; above < ancestors && pid > 1; above += 1) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (basename(args[0] ?? "") === "pulumi") return { args, folder: readlinkSync(`/proc/${pid}/cwd`) };
      // `pid (name) state parent`: a name may hold spaces and parentheses (proc_pid_stat(5)).
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").trim().split(" ");
      pid = Number(fields[1]);
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The value of `--config-file`, in either way of writing it. */
export function configFileOption(args: readonly string[]): string | undefined {
  const index = args.findIndex((arg) => arg === "--config-file" || arg.startsWith("--config-file="));
  const found = args[index];
  if (found === undefined) return undefined;
  return (found === "--config-file" ? args[index + 1] : found.slice("--config-file=".length)) || undefined;
}
