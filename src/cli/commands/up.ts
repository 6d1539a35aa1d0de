import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import type { EnvironmentSpec } from "../../config/environment.ts";
import type { Progress } from "../../domain/progress.ts";
import { given } from "../../environment/given.ts";
import { prepareEngine } from "../../local/engine.ts";
import { environmentCondition, startEnvironment } from "../../local/environment.ts";
import type { WantedPorts } from "../../local/hostPorts.ts";
import { type EnvironmentLayout, environmentLayout, menagerieCache } from "../../local/layout.ts";
import { preflight } from "../../local/preflight/index.ts";
import { readStackResources } from "../../local/stackOutputs.ts";
import { type EngineTarget, embeddedTarget, useExistingCluster } from "../../local/target.ts";
import { together } from "../../local/together.ts";
import { ArrivingToolchain, gatherToolchain } from "../../local/toolchain/index.ts";
import { ToolchainFile } from "../../local/toolchainFile.ts";
import { deployedConsole } from "../deployedConsole.ts";
import { exampleCalls } from "../exampleCall.ts";
import { interruptible } from "../interrupt.ts";
import { readModels } from "../models.ts";
import { agreedOption, environmentOption, environmentSuffix, portArgument, yesDeleteOption } from "../options.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { agreedUp } from "../up/agreedUp.ts";
import { declaredEnvironment, storedSentence } from "../up/declaredEnvironment.ts";
import { environmentConfig } from "../up/declaredModels.ts";
import { prepareImages } from "../up/prepareImages.ts";
import type { StackEngine } from "../up/stackEngine.ts";
import { objectsOfEnvironment } from "../up/stackObjects.ts";
import { refuse } from "./refusals.ts";

interface UpOptions {
  readonly environment: string;
  readonly gatewayPort?: number;
  readonly apiPort?: number;
  readonly consolePort?: number;
  readonly apiserverPort?: number;
  readonly postgresPort?: number;
  readonly kubeconfig?: string;
  readonly gatewayUrl?: string;
  readonly program: boolean;
  readonly yesDelete: readonly string[];
  readonly agreed?: string;
  readonly stack?: string;
}

export function upCommand(): Command {
  return new Command("up")
    .addOption(environmentOption())
    .option("--gateway-port <port>", "host port of the gateway", portArgument)
    .option("--api-port <port>", "host port of the API service", portArgument)
    .option("--console-port <port>", "host port of the console", portArgument)
    .option("--apiserver-port <port>", "host port of the Kubernetes API server", portArgument)
    .option("--postgres-port <port>", "host port of PostgreSQL", portArgument)
    .option("--kubeconfig <file>", "use an existing cluster instead of the embedded one")
    .option("--gateway-url <url>", "with --kubeconfig: where that cluster's gateway answers")
    .addOption(yesDeleteOption())
    .option("-s, --stack <name>", "run a stack with your own Pulumi CLI, backend and kubeconfig")
    .addOption(agreedOption())
    .option("--no-program", "bring up the environment only, without running the Pulumi program")
    .action((options: UpOptions) =>
      interruptible("run the same command again and it goes on from here", async (signal) => {
        const { stack, yesDelete, agreed } = options;
        if (stack === undefined) return up(options, signal);
        // Loads the Kubernetes client, which takes a second of the processor: the environment's engine works meanwhile.
        const { upOwnStack } = await import("../up/ownStack.ts");
        return upOwnStack({ stack, yesDelete, agreed, signal });
      }),
    );
}

async function up(options: UpOptions, signal: AbortSignal): Promise<void> {
  const layout = environmentLayout(options.environment);
  const progress = terminalProgress();
  const existing = existingCluster(options);
  const spec = options.program ? await declaredEnvironment(layout, existing ? "existing" : "embedded") : undefined;
  const stored = spec && (await storedSentence(layout));
  if (stored) console.error(`note: ${stored}`);
  const running = { layout, spec, options, progress, signal };
  if (existing) {
    const { requireCluster } = await import("../cluster.ts");
    await requireCluster(existing.kubeconfig, spec);
  }
  const target = await (existing ? useCluster(running, existing) : bringUp(running));
  if (!spec) return;
  const [{ requireServing }, { kubeConfigOf }] = await Promise.all([
    import("../up/requireServing.ts"),
    import("../../adapters/kubernetes/kubeConfigFile.ts"),
  ]);
  await requireServing({
    config: kubeConfigOf(target.kubeconfig),
    resources: await readStackResources(layout),
    stack: `environment "${layout.name}"`,
    progress,
    signal,
  });
  console.log(await summary(layout, target, await readModels(layout)));
}

interface Running {
  readonly layout: EnvironmentLayout;
  /** What the stack declares; undefined where the program is not to be run. */
  readonly spec: EnvironmentSpec | undefined;
  readonly options: UpOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Makes tools, starts the environment's processes, lays images out and runs the engine, all of it as early as it can be. */
async function bringUp(running: Running): Promise<EngineTarget> {
  const { layout, options, spec, progress } = running;
  const wasUp = (await environmentCondition(layout)) === "up";
  if (!wasUp) await preflight({ progress });
  const arriving = new ArrivingToolchain(spec?.builds.kind === "tekton");
  const [target] = await together<[EngineTarget, ...unknown[]]>(running.signal, (signal) => {
    const toolchain = gatherToolchain(arriving, { cache: menagerieCache(), progress, signal });
    const ports = definedPorts(options);
    const environment = startEnvironment(layout, { toolchain: arriving, ports, progress, signal });
    const ready = environment.then(({ ready }) => ready);
    const images = async (): Promise<void> => {
      // With an environment that runs already the program finds nearly all of them, and is not kept waiting for the rest.
      if (!spec || !(await environment).launched) return;
      await prepareImages(spec, { store: layout.images, python: () => arriving.part("python"), progress, signal });
    };
    const laidOut = images();
    const whole = Promise.all([toolchain, ready, laidOut]);
    whole.catch(() => {});
    const deployed = async (): Promise<EngineTarget> => {
      const { state, launched } = await environment;
      const target = embeddedTarget(layout, state);
      if (!spec) return target;
      const engine = await prepareEngine(layout, target, await arriving.engineTools());
      if (launched || !wasUp) await whole;
      const run = async (args: readonly string[]): Promise<number> => {
        await whole;
        return engine.run(args);
      };
      await deploy({ ...running, signal }, target, { ...engine, run });
      return target;
    };
    return [deployed(), toolchain, ready, laidOut];
  });
  return target;
}

/** The engine alone, for a cluster that somebody else runs. */
async function useCluster(
  running: Running,
  existing: { kubeconfig: string; gatewayUrl: string },
): Promise<EngineTarget> {
  const { layout, progress, signal } = running;
  const arriving = new ArrivingToolchain(false);
  const toolchain = await gatherToolchain(arriving, { cache: menagerieCache(), progress, signal });
  const target = await useExistingCluster(layout, existing);
  await new ToolchainFile(layout).write(arriving);
  if (running.spec) await deploy(running, target, await prepareEngine(layout, target, toolchain));
  return target;
}

async function deploy(
  { layout, spec, options, signal }: Running,
  target: EngineTarget,
  engine: StackEngine,
): Promise<void> {
  const code = await agreedUp(engine, {
    declared: {
      zoo: Object.keys(spec?.zoo ?? {}),
      development: Object.keys(spec?.development ?? {}),
      shadows: Object.keys(spec?.shadows ?? {}),
    },
    yesDelete: options.yesDelete,
    agreed: options.agreed,
    signal,
    ...objectsOfEnvironment(target, engine, () => environmentConfig(layout)),
  });
  signal.throwIfAborted();
  if (code !== 0) throw refuse("up.stack-failed");
}

/** The cluster that `--kubeconfig` and `--gateway-url` name together, or undefined for the embedded one. */
function existingCluster(options: UpOptions): { kubeconfig: string; gatewayUrl: string } | undefined {
  if (options.kubeconfig === undefined) {
    if (options.gatewayUrl !== undefined) throw refuse("up.half-a-cluster");
    return undefined;
  }
  if (options.gatewayUrl === undefined || !URL.canParse(options.gatewayUrl)) {
    throw refuse("up.no-gateway-url", { kubeconfig: options.kubeconfig });
  }
  if (!existsSync(options.kubeconfig)) throw refuse("up.no-kubeconfig", { kubeconfig: options.kubeconfig });
  return { kubeconfig: resolve(options.kubeconfig), gatewayUrl: options.gatewayUrl };
}

function definedPorts(options: UpOptions): WantedPorts {
  return given({
    gateway: options.gatewayPort,
    api: options.apiPort,
    console: options.consolePort,
    apiserver: options.apiserverPort,
    postgres: options.postgresPort,
  });
}

/** What the user does next: where everything is, and a call that works. */
async function summary(
  layout: EnvironmentLayout,
  target: EngineTarget,
  models: Awaited<ReturnType<typeof readModels>>,
): Promise<string> {
  const [calls, consoleUrl] = await Promise.all([exampleCalls(models), deployedConsole(layout, target)]);
  return [
    "",
    `Environment "${layout.name}" is up.`,
    `  gateway     ${target.gatewayUrl}`,
    `  kubeconfig  ${target.kubeconfig}`,
    `  models      ${models.map((model) => model.name).join(", ") || "none"}`,
    ...(consoleUrl === null
      ? []
      : [`  console     ${consoleUrl} (npx menagerie console${environmentSuffix(layout.name)} logs in)`]),
    ...(calls.length > 0 ? ["", "Try it:", ...calls.map((call) => `  ${call}`)] : []),
  ].join("\n");
}
