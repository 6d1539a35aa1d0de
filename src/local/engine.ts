import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type StateResource, stackType } from "../domain/engineState.ts";
import { lastLine } from "../domain/lastLine.ts";
import { buildToken } from "./builder/token.ts";
import { type BackendStack, clearInterrupted } from "./interruptedRun.ts";
import { type EnvironmentLayout, menagerieCache } from "./layout.ts";
import { localStack } from "./localStack.ts";
import { addresses, ports } from "./network/addresses.ts";
import { endOrphanedPlugins } from "./orphanedPlugins.ts";
import { checkoutProgram, isCheckout, type Program } from "./program.ts";
import { refuse } from "./refusals.ts";
import { sentHeads } from "./sentHeads.ts";
import { engineConfigFile, keepBeforeNewStack, writeEngineConfig } from "./stackConfig.ts";
import { readStackResources } from "./stackOutputs.ts";
import type { EngineTarget } from "./target.ts";
import { type EngineTools, preparePulumiHome } from "./toolchain/index.ts";

/** The pinned engine, set up for one environment. */
export interface Engine {
  /**
   * Runs `pulumi ARGS` in the program's folder with the terminal's own streams; answers its exit code. What a run that was
   * killed left behind is cleared first; throws one sentence when another run is changing the stack.
   */
  run(args: readonly string[], options?: RunOptions): Promise<number>;
  /** Runs `pulumi ARGS` and answers what it prints, whatever its exit code. What a killed run left behind is cleared first. */
  capture(args: readonly string[], signal: AbortSignal, options?: Pick<RunOptions, "only">): Promise<Captured>;
  /** Resources of the stack, the stack itself not among them. Read from its state, in no time; secrets read `[secret]`. */
  resources(): Promise<readonly StateResource[]>;
  /** Runs `pulumi ARGS` and answers what it prints; throws with its last line when it fails. */
  output(args: readonly string[]): Promise<string>;
}

/** The engine's `up` that asks nothing: whoever runs it has asked before. */
export const unaskedUp = ["up", "--yes", "--skip-preview", "--suppress-outputs"];

/** What a run of the engine printed. */
export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Where the engine's standard output goes: `stderr` where the command's own is for programs. @default "stdout" */
  readonly stdout?: "stdout" | "stderr";
  /** Name of a development version that is deployed alone. @default everything that the stack declares */
  readonly only?: string;
}

/**
 * Makes the program's stack in the environment where it is missing and brings its config up to date with the committed file.
 *
 * @param program - Default: the checkout's own
 */
export async function prepareEngine(
  layout: EnvironmentLayout,
  target: EngineTarget,
  tools: EngineTools,
  program: Program = checkoutProgram(),
): Promise<Engine> {
  await mkdir(layout.pulumi.backend, { recursive: true, mode: 0o700 });
  await ensurePassphrase(layout.pulumi.passphraseFile);
  const { pulumi, env: homeEnv } = await preparePulumiHome(layout.pulumi.home, tools);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...homeEnv,
    // What is loaded before the checkout's SDK is not for another one.
    ...(isCheckout(program) ? {} : { NODE_OPTIONS: process.env.NODE_OPTIONS }),
    // Beside each file, which it writes by rename, the engine's library would write attributes in place: killed in between, it
    // could not read the file any more ("failed to load checkpoint: EOF"). Nothing reads them.
    PULUMI_BACKEND_URL: `file://${layout.pulumi.backend}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE_FILE: layout.pulumi.passphraseFile,
    PULUMI_CONFIG_PASSPHRASE: undefined,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // In seconds. By default the provider gives up after 32, and with it the whole `up`, where an API server that has just started reads out
    // its schema on a machine that is busy.
    PULUMI_K8S_CLIENT_TIMEOUT: process.env.PULUMI_K8S_CLIENT_TIMEOUT || "600",
    ...pastProxies(process.env),
    KUBECONFIG: target.kubeconfig,
    // For the commands that the program's sentences name.
    MENAGERIE_ENVIRONMENT: layout.name,
    // Nodes of an existing cluster may read their directory images from elsewhere.
    MENAGERIE_IMAGE_STORE: process.env.MENAGERIE_IMAGE_STORE || layout.images,
    MENAGERIE_CACHE: menagerieCache(),
    MENAGERIE_GATEWAY_URL: target.gatewayUrl,
    // An existing cluster's API is where its user says.
    MENAGERIE_API_URL: target.apiUrl ?? process.env.MENAGERIE_API_URL,
    MENAGERIE_SENT_HEADS: await sentHeads(layout),
    ...databaseVariables(target),
    ...(target.kind === "embedded" ? await buildVariables(layout) : {}),
  };
  const configFile = await ensureStack(layout, program, pulumi, env);
  const stackEnv = { ...env, PULUMI_STACK: localStack, PULUMI_OPTION_CONFIG_FILE: configFile };
  const output: Engine["output"] = async (args) => (await capture(pulumi, args, program.folder, stackEnv)).trim();
  const stack = { backend: layout.pulumi.backend, project: program.project, stack: localStack };
  return {
    async run(args, { stdout = "stdout", only } = {}) {
      if (args.some((arg) => changing.has(arg))) {
        await clear(stack, output);
        await endOrphanedPlugins(layout.pulumi.home);
      }
      const target = targeted(args, only);
      const options = { cwd: program.folder, env: { ...stackEnv, ...target.env } };
      return runEngine(pulumi, target.args, options, stdout);
    },
    async capture(args, signal, { only } = {}) {
      await clear(stack, output);
      const target = targeted(args, only);
      return captured(pulumi, target.args, { cwd: program.folder, env: { ...stackEnv, ...target.env }, signal });
    },
    resources: async () => (await readStackResources(layout, program.project)).filter(({ type }) => type !== stackType),
    output,
  };
}

function targeted(args: readonly string[], only: string | undefined) {
  if (only === undefined) return { args, env: {} };
  const target = `**::menagerie:development:DevelopmentVersion::${only}`;
  // What it is made of counts as its dependents.
  return { args: [...args, "--target", target, "--target-dependents"], env: { MENAGERIE_DEPLOY_ONLY: only } };
}

/** Program and providers reach the engine on this machine, which no proxy does. Only the SDK's client (grpc-js) has to be told. */
export function pastProxies(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { no_grpc_proxy: [env.no_grpc_proxy || env.no_proxy, "127.0.0.1", "localhost"].filter(Boolean).join(",") };
}

/** An existing cluster has the database that its user names in these variables, or none. */
function databaseVariables({ databaseServer }: EngineTarget): NodeJS.ProcessEnv {
  if (!databaseServer) return {};
  return { MENAGERIE_DATABASE_URL: databaseServer.url, MENAGERIE_DATABASE_ADDRESS: databaseServer.address };
}

/** Where the API service's pods reach the environment's build service. */
async function buildVariables(layout: EnvironmentLayout): Promise<NodeJS.ProcessEnv> {
  return {
    MENAGERIE_BUILD_URL: `http://${addresses.host}:${ports.builder}`,
    MENAGERIE_BUILD_TOKEN: await buildToken(layout),
  };
}

/** Commands that take the stack's lock and change its state. */
const changing = new Set(["up", "update", "refresh", "destroy", "down", "dn", "import"]);

async function clear(stack: BackendStack, output: Engine["output"]): Promise<void> {
  const holder = await clearInterrupted(stack, output);
  if (holder !== undefined) throw refuse("engine.busy", { holder, stack: stack.stack });
}

/** Makes the program's stack, and the file that the engine reads its config from; answers the file. */
async function ensureStack(
  layout: EnvironmentLayout,
  program: Program,
  pulumi: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const path = engineConfigFile(layout, program);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stackFile = join(layout.pulumi.backend, ".pulumi", "stacks", program.project, `${localStack}.json`);
  if (!(await exists(path)) || !(await exists(stackFile))) {
    // `stack init` writes the salt beside the Pulumi.yaml that it finds: give it one of its own.
    await writeFile(join(folder, "Pulumi.yaml"), `name: ${JSON.stringify(program.project)}\nruntime: nodejs\n`);
    if (!(await exists(stackFile))) {
      await keepBeforeNewStack(layout, program);
      await capture(pulumi, ["stack", "init", localStack], folder, env);
    }
  }
  await writeEngineConfig(layout, program);
  return path;
}

async function ensurePassphrase(path: string): Promise<void> {
  if (await exists(path)) return;
  // In one rename: a passphrase file that was cut off by a crash would count as a passphrase.
  await writeFile(`${path}.new`, randomBytes(24).toString("base64url"), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function runEngine(
  pulumi: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  stdout: "stdout" | "stderr",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(pulumi, args, {
      ...options,
      stdio: ["inherit", stdout === "stderr" ? 2 : "inherit", "inherit"],
    });
    // The launcher keeps the terminal's Ctrl-C away from us both and signals this process alone. The first SIGINT makes the
    // engine finish the steps in flight and write its state; a second one, or our own end, makes it stop at once.
    const forward = (): void => void child.kill("SIGINT");
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, forward);
    process.on("exit", forward);
    const release = (): void => {
      for (const signal of signals) process.off(signal, forward);
      process.off("exit", forward);
    };
    child.once("error", (error) => {
      release();
      reject(error);
    });
    child.once("exit", (code, killedBy) => {
      release();
      resolve(code ?? (killedBy === "SIGINT" ? 130 : 1));
    });
  });
}

/**
 * Runs the engine to its end; an abort interrupts it, as a Ctrl-C does. Its previews are events, one a line: the digest does not have the
 * stack's outputs.
 */
export function captured(
  command: string,
  args: readonly string[],
  { cwd, env: own, signal }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<Captured> {
  return new Promise((resolve, reject) => {
    const env = { ...own, PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" };
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output.stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      output.stderr += chunk;
    });
    const interrupt = (): void => void child.kill("SIGINT");
    signal.addEventListener("abort", interrupt, { once: true });
    child.once("error", reject);
    child.once("close", (code) => {
      signal.removeEventListener("abort", interrupt);
      resolve({ code: code ?? 130, ...output });
    });
  });
}

function capture(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve(output);
      const reason = lastLine(errors) ?? "";
      reject(refuse("engine.failed", { args: args.join(" "), reason: reason || `exit code ${code}` }));
    });
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
