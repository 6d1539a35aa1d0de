import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { dump, load } from "js-yaml";
import { environmentLayout } from "../../../src/local/layout.ts";
import { preparePulumiHome } from "../../../src/local/toolchain/index.ts";
import { ToolchainFile } from "../../../src/local/toolchainFile.ts";
import type { CommandResult, TestHome } from "./menagerie.ts";

/** Records the files that a Node.js process loads, whichever way it loads them. */
const traceModule = `import { registerHooks } from "node:module";
import { appendFileSync } from "node:fs";
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_FILES, url + "\\n");
    return next(url, context);
  },
});
`;

function traced(folder: string): Record<string, string> {
  return { NODE_OPTIONS: `--import ${join(folder, "trace.mjs")}`, LOADED_FILES: join(folder, "loaded") };
}

/**
 * The engine as its user runs it against a cluster: a file backend and a kubeconfig of the user's own, nothing of an
 * embedded environment in its variables. The cluster is that of `home`.
 */
export class OwnEngine {
  readonly folder: string;
  readonly project: string;
  readonly #pulumi: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(folder: string, project: string, pulumi: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.project = project;
    this.#pulumi = pulumi;
    this.#env = env;
  }

  /**
   * @param contexts names that the kubeconfig knows the cluster by.
   * @param options.trace record the files that are loaded, which slows programs down. Default: true
   */
  static async create(
    home: TestHome,
    contexts: readonly string[],
    options: { readonly trace?: boolean; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<OwnEngine> {
    const folder = await mkdtemp(join(tmpdir(), "menagerie-engine-"));
    const layout = environmentLayout("local", home.path);
    const toolchain = await new ToolchainFile(layout).readComplete();
    if (!toolchain) throw new Error("the environment's tools have not all arrived");
    const { pulumi, env } = await preparePulumiHome(join(folder, "home"), toolchain);
    await mkdir(join(folder, "backend"));
    const kubeconfig = load(await readFile(layout.kubeconfig, "utf8")) as { contexts: { context: object }[] };
    const context = kubeconfig.contexts[0]?.context;
    const known = contexts.map((name) => ({ name, context }));
    await writeFile(join(folder, "kubeconfig"), dump({ ...kubeconfig, contexts: known, "current-context": "" }));
    await writeFile(join(folder, "trace.mjs"), traceModule);
    await writeFile(join(folder, "loaded"), "");
    const { MENAGERIE_HOME: _home, MENAGERIE_GATEWAY_URL: _gateway, ...ambient } = process.env;
    return new OwnEngine(folder, home.project, pulumi, {
      ...ambient,
      ...env,
      PATH: [dirname(pulumi), env.PATH].join(delimiter),
      PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "correct horse battery staple",
      KUBECONFIG: join(folder, "kubeconfig"),
      ...(options.trace === false ? {} : traced(folder)),
      ...options.env,
    });
  }

  /** Runs `menagerie ARGS` of the project, for a stack of this engine. */
  menagerie(args: readonly string[]): Promise<CommandResult> {
    return this.#spawn(process.execPath, [join(this.project, "src/cli/main.ts"), ...args]);
  }

  /** Runs `pulumi ARGS` in the project folder. */
  run(args: readonly string[]): Promise<CommandResult> {
    return this.#spawn(this.#pulumi, args);
  }

  /**
   * Runs `pulumi ARGS`, and says how much processor time it and the processes that it started took, and how many bytes they
   * wrote to files.
   */
  async timed(
    args: readonly string[],
  ): Promise<CommandResult & { readonly cpuSeconds: number; readonly writtenBytes: number }> {
    // A process's io is its own and that of the children that have ended.
    const script = '"$0" "$@"; code=$?; grep ^write_bytes /proc/$$/io; times; exit $code';
    const result = await this.#spawn("/bin/sh", ["-c", script, this.#pulumi, ...args]);
    // `times` ends with the user and system time of the shell's children, such as `0m1.25s 0m0.10s`.
    const last = result.stdout.trimEnd().split("\n").at(-1) ?? "";
    const cpuSeconds = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
      0,
    );
    const writtenBytes = Number(/^write_bytes: (\d+)$/m.exec(result.stdout)?.[1]);
    return { ...result, cpuSeconds, writtenBytes };
  }

  #spawn(command: string, args: readonly string[]): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd: this.project, env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Urls of the files that programs and provider hosts have loaded so far. */
  async loadedFiles(): Promise<string[]> {
    return (await readFile(join(this.folder, "loaded"), "utf8")).trim().split("\n");
  }

  async dispose(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
