import { Command } from "commander";
import { OperatorError } from "../../domain/errors.ts";
import { prepareEngine } from "../../local/engine.ts";
import { startEnvironment } from "../../local/environment.ts";
import type { EnvironmentState } from "../../local/environmentState.ts";
import { type EnvironmentLayout, environmentLayout, menagerieCache } from "../../local/layout.ts";
import { preflight } from "../../local/preflight/index.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";
import { exampleCall } from "../exampleCall.ts";
import { interruptible } from "../interrupt.ts";
import { readModels } from "../models.ts";
import { environmentOption, portArgument } from "../options.ts";
import { terminalProgress } from "../terminalProgress.ts";

interface UpOptions {
  readonly environment: string;
  readonly gatewayPort?: number;
  readonly apiPort?: number;
  readonly apiserverPort?: number;
  readonly postgresPort?: number;
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
    .option("--no-program", "bring up the environment only, without running the Pulumi program")
    .action((options: UpOptions) =>
      interruptible("run the same command again and it goes on from here", (signal) => up(options, signal)),
    );
}

async function up(options: UpOptions, signal: AbortSignal): Promise<void> {
  const layout = environmentLayout(options.environment);
  const progress = terminalProgress();
  await preflight({ progress });
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress, signal });
  const state = await startEnvironment(layout, {
    toolchain,
    ports: definedPorts(options),
    progress,
    signal,
  });
  if (!options.program) return;
  const engine = await prepareEngine(layout, state, toolchain);
  const code = await engine.run(["up", "--yes", "--skip-preview", "--suppress-outputs"], signal);
  signal.throwIfAborted();
  if (code !== 0) throw new OperatorError("the environment is up, but its stack is not as declared: see above");
  const models = await readModels(engine);
  console.log(await summary(layout, state, models));
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
  state: EnvironmentState,
  models: Awaited<ReturnType<typeof readModels>>,
): Promise<string> {
  const [first] = models;
  return [
    "",
    `Environment "${layout.name}" is up.`,
    `  gateway     http://127.0.0.1:${state.ports.gateway}`,
    `  kubeconfig  ${layout.kubeconfig}`,
    `  models      ${models.map((model) => model.name).join(", ") || "none"}`,
    ...(first ? ["", "Try it:", `  ${await exampleCall(first)}`] : []),
  ].join("\n");
}
