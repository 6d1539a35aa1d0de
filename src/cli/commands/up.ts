import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { badInput, OperatorError } from "../../domain/errors.ts";
import { localStack, prepareEngine } from "../../local/engine.ts";
import { startEnvironment } from "../../local/environment.ts";
import type { EnvironmentState } from "../../local/environmentState.ts";
import { type EnvironmentLayout, environmentLayout, menagerieCache } from "../../local/layout.ts";
import { preflight } from "../../local/preflight/index.ts";
import { type EngineTarget, embeddedTarget, useExistingCluster } from "../../local/target.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";
import { toolchainFile } from "../../local/toolchainFile.ts";
import { requireCluster } from "../cluster.ts";
import { exampleCall } from "../exampleCall.ts";
import { interruptible } from "../interrupt.ts";
import { readModels } from "../models.ts";
import { environmentOption, portArgument } from "../options.ts";
import { readStackFile } from "../releases/stackFile.ts";
import { terminalProgress } from "../terminalProgress.ts";

interface UpOptions {
  readonly environment: string;
  readonly gatewayPort?: number;
  readonly apiPort?: number;
  readonly apiserverPort?: number;
  readonly postgresPort?: number;
  readonly kubeconfig?: string;
  readonly gatewayUrl?: string;
  readonly program: boolean;
}

export function upCommand(): Command {
  return new Command("up")
    .description("Bring an embedded environment up, with everything its stack declares. Run again, it changes nothing.")
    .addOption(environmentOption())
    .option("--gateway-port <port>", "host port of the gateway", portArgument)
    .option("--api-port <port>", "host port of the API service", portArgument)
    .option("--apiserver-port <port>", "host port of the Kubernetes API server", portArgument)
    .option("--postgres-port <port>", "host port of PostgreSQL", portArgument)
    .option("--kubeconfig <file>", "use a cluster that is already there instead of the embedded one")
    .option("--gateway-url <url>", "with --kubeconfig: where that cluster's gateway answers")
    .option("--no-program", "bring up the environment only, without running the Pulumi program")
    .action((options: UpOptions) =>
      interruptible("run the same command again and it goes on from here", (signal) => up(options, signal)),
    );
}

async function up(options: UpOptions, signal: AbortSignal): Promise<void> {
  const layout = environmentLayout(options.environment);
  const progress = terminalProgress();
  const existing = existingCluster(options);
  if (existing) await requireCluster(existing.kubeconfig);
  else await preflight({ progress });
  const tekton = !existing && (await buildsWithTekton());
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress, signal, tekton });
  let target: EngineTarget;
  if (existing) {
    target = await useExistingCluster(layout, existing);
    await toolchainFile(layout).write(toolchain);
  } else {
    const state = await startEnvironment(layout, { toolchain, ports: definedPorts(options), progress, signal });
    target = embeddedTarget(layout, state);
  }
  if (!options.program) return;
  const engine = await prepareEngine(layout, target, toolchain);
  const code = await engine.run(["up", "--yes", "--skip-preview", "--suppress-outputs"]);
  signal.throwIfAborted();
  if (code !== 0) throw new OperatorError("the environment is up, but its stack is not as declared: see above");
  console.log(await summary(layout, target, await readModels(engine)));
}

/** Whether the stack's images are built by Tekton, which the environment then has. What is wrong with the file is told later. */
async function buildsWithTekton(): Promise<boolean> {
  const { builds } = (await readStackFile(localStack)).config as { builds?: { kind?: unknown } | null };
  return builds?.kind === "tekton";
}

/** The cluster that `--kubeconfig` and `--gateway-url` name together, or undefined for the embedded one. */
function existingCluster(options: UpOptions): { kubeconfig: string; gatewayUrl: string } | undefined {
  if (options.kubeconfig === undefined) {
    if (options.gatewayUrl !== undefined) throw badInput("--gateway-url goes with --kubeconfig; give both or neither");
    return undefined;
  }
  if (options.gatewayUrl === undefined || !URL.canParse(options.gatewayUrl)) {
    throw badInput(
      `--kubeconfig ${options.kubeconfig}: add --gateway-url with the address of that cluster's gateway, such as http://127.0.0.1:8080`,
    );
  }
  if (!existsSync(options.kubeconfig)) throw badInput(`--kubeconfig ${options.kubeconfig}: there is no such file`);
  return { kubeconfig: resolve(options.kubeconfig), gatewayUrl: options.gatewayUrl };
}

function definedPorts(options: UpOptions): Partial<EnvironmentState["ports"]> {
  const { gatewayPort: gateway, apiPort: api, apiserverPort: apiserver, postgresPort: postgres } = options;
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(api === undefined ? {} : { api }),
    ...(apiserver === undefined ? {} : { apiserver }),
    ...(postgres === undefined ? {} : { postgres }),
  };
}

/** What the user does next: where everything is, and a call that works. */
async function summary(
  layout: EnvironmentLayout,
  target: EngineTarget,
  models: Awaited<ReturnType<typeof readModels>>,
): Promise<string> {
  const [first] = models;
  return [
    "",
    `Environment "${layout.name}" is up.`,
    `  gateway     ${target.gatewayUrl}`,
    `  kubeconfig  ${target.kubeconfig}`,
    `  models      ${models.map((model) => model.name).join(", ") || "none"}`,
    ...(first ? ["", "Try it:", `  ${await exampleCall(first)}`] : []),
  ].join("\n");
}
