import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { ensureToolchain, preparePulumiHome } from "../../src/local/toolchain/index.ts";

const project = join(import.meta.dirname, "../..");

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly said: string;
}

/** A stack of an engine, a backend and a kubeconfig of the user's own, without a cluster. */
export interface OwnStack {
  readonly folder: string;
  /** Runs `menagerie ARGS`. */
  menagerie(...args: string[]): Promise<Ended>;
  /** Runs the engine; throws where it fails. */
  pulumi(...args: string[]): Promise<Ended>;
  dispose(): Promise<void>;
}

/** Makes the stack `name` in a backend of its own, and its file with `config` in the project, where the commands read it. */
export async function makeOwnStack(
  name: string,
  config = "",
  variables: Readonly<Record<string, string>> = {},
): Promise<OwnStack> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-own-"));
  const stackFile = join(project, `Pulumi.${name}.yaml`);
  const signal = new AbortController().signal;
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  const home = await preparePulumiHome(join(folder, "home"), toolchain);
  await mkdir(join(folder, "backend"));
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...home.env,
    PATH: [dirname(home.pulumi), process.env.PATH].join(delimiter),
    PULUMI_BACKEND_URL: `file://${folder}/backend`,
    PULUMI_CONFIG_PASSPHRASE: "passphrase",
    PULUMI_OPTION_CONFIG_FILE: undefined,
    PULUMI_STACK: undefined,
    KUBECONFIG: join(folder, "none"),
    MENAGERIE_GATEWAY_URL: "http://127.0.0.1:1",
    NO_COLOR: "1",
    ...variables,
  };
  const run = (command: string, args: readonly string[], cwd = project): Promise<Ended> =>
    new Promise((resolve) => {
      execFile(command, args, { cwd, env, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, said: `${stdout}${stderr}` }),
      );
    });
  const pulumi = async (args: readonly string[], cwd?: string): Promise<Ended> => {
    const ended = await run("pulumi", args, cwd);
    if (ended.code !== 0) throw new Error(ended.said);
    return ended;
  };
  // `stack init` writes the salt beside the Pulumi.yaml that it finds.
  await writeFile(join(folder, "Pulumi.yaml"), "name: menagerie\nruntime: nodejs\n");
  await pulumi(["stack", "init", name], folder);
  await writeFile(stackFile, `${config}\n${await readFile(join(folder, `Pulumi.${name}.yaml`), "utf8")}`);
  return {
    folder,
    menagerie: (...args) => run(process.execPath, [join(project, "src/cli/main.ts"), ...args]),
    pulumi: (...args) => pulumi(args),
    async dispose() {
      await rm(stackFile, { force: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
