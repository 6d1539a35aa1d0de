import { spawn } from "node:child_process";
import type { OperatorError } from "../../domain/errors.ts";
import { captured, pastProxies } from "../../local/engine.ts";
import { projectFolder } from "../../local/localStack.ts";
import { readStack } from "../stackText.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { agreedUp } from "./agreedUp.ts";
import { declaredIn } from "./declaredModels.ts";
import { exportedResources } from "./exportedState.ts";
import { refuse } from "./refusals.ts";
import { requireServing } from "./requireServing.ts";
import type { EngineCommands, StackEngine } from "./stackEngine.ts";
import { clusterOfState, objectsOfStack } from "./stackObjects.ts";

export interface OwnStackOptions {
  readonly stack: string;
  readonly yesDelete: readonly string[];
  readonly agreed?: string | undefined;
  readonly signal: AbortSignal;
}

/** `menagerie up -s STACK`: the user's own `pulumi`, backend and kubeconfig, behind the same agreement as the local environment's. */
export async function upOwnStack({ stack, signal, ...agreement }: OwnStackOptions): Promise<void> {
  const { config } = (await readStack(stack)).reading;
  const engine = withKnownState(ownEngine(stack, signal));
  const objects = objectsOfStack(engine, config, () => engine.resources(signal));
  const code = await agreedUp(engine, { ...agreement, ...objects, signal, declared: declaredIn(config) });
  signal.throwIfAborted();
  if (code !== 0) throw refuse("up.not-as-declared", { stack });
  const resources = await engine.resources(signal);
  await requireServing({
    config: await clusterOfState(resources),
    resources,
    stack: `stack "${stack}"`,
    progress: terminalProgress(),
    signal,
  });
}

/** The state is exported again only after a run that may have changed it: a backend far away takes seconds for it. */
export function withKnownState({ run, capture }: EngineCommands): StackEngine {
  let known: ReturnType<StackEngine["capture"]> | undefined;
  const engine: StackEngine = {
    run(args) {
      known = undefined;
      return run(args);
    },
    capture(args, signal) {
      if (args.join(" ") === "stack export") {
        known ??= capture(args, signal);
        return known;
      }
      if (!readingOnly.has(args[0] ?? "")) known = undefined;
      return capture(args, signal);
    },
    resources: (signal) => exportedResources(engine, signal),
  };
  return engine;
}

const readingOnly: ReadonlySet<string> = new Set(["preview", "config"]);

/** The user's own `pulumi`, for one stack. An abort interrupts it as a Ctrl-C does. */
export function ownEngine(stack: string, signal: AbortSignal): EngineCommands {
  const withStack = (args: readonly string[]): string[] => [...args, "--stack", stack];
  const env = { ...process.env, ...pastProxies(process.env) };
  return {
    run: (args) =>
      new Promise((resolve, reject) => {
        const child = spawn("pulumi", withStack(args), { cwd: projectFolder, env, stdio: "inherit" });
        // The engine finishes the steps in flight and writes its state.
        const interrupt = (): void => void child.kill("SIGINT");
        signal.addEventListener("abort", interrupt, { once: true });
        child.once("error", (error) => reject(noCli(error)));
        child.once("exit", (code) => {
          signal.removeEventListener("abort", interrupt);
          resolve(code ?? 130);
        });
      }),
    capture: (args, abort) =>
      captured("pulumi", withStack(args), { cwd: projectFolder, env, signal: abort }).catch((error) => {
        throw noCli(error);
      }),
  };
}

function noCli(error: Error): OperatorError {
  return refuse("up.no-pulumi", { reason: error.message }, error);
}
