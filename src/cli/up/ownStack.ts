import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ambientKubeConfig } from "../../adapters/kubernetes/workloads.ts";
import { readStackText } from "../../config/stackFile.ts";
import { badInput, OperatorError } from "../../domain/errors.ts";
import type { DeclaredModels } from "../../domain/preview/removals.ts";
import { captured } from "../../local/engine.ts";
import { projectFolder } from "../../local/localStack.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { agreedUp, type StackEngine, stateOf } from "./agreedUp.ts";
import { requireServing } from "./requireServing.ts";

export interface OwnStackOptions {
  readonly stack: string;
  readonly yesDelete: readonly string[];
  readonly agreed?: string | undefined;
  readonly signal: AbortSignal;
}

/** `menagerie up -s STACK`: the user's own `pulumi`, backend and kubeconfig, behind the same agreement as the local environment's. */
export async function upOwnStack({ stack, signal, ...agreement }: OwnStackOptions): Promise<void> {
  const config = await stackConfigOf(stack);
  const context = config["menagerie:kubeContext"];
  const engine = withKnownState(ownEngine(stack, signal));
  const cluster = async () => ambientKubeConfig(typeof context === "string" ? context : undefined);
  const code = await agreedUp(engine, { ...agreement, signal, declared: declaredIn(config), cluster });
  signal.throwIfAborted();
  if (code !== 0) throw new OperatorError(`stack "${stack}" is not as declared: see above`);
  const resources = await stateOf(engine, signal);
  await requireServing({
    ...{ config: await cluster(), resources, stack: `stack "${stack}"`, progress: terminalProgress(), signal },
  });
}

/** The state is exported again only after a run that may have changed it: a backend far away takes seconds for it. */
export function withKnownState({ run, capture }: StackEngine): StackEngine {
  let known: ReturnType<StackEngine["capture"]> | undefined;
  return {
    run(args) {
      known = undefined;
      return run(args);
    },
    capture(args, signal) {
      if (args.join(" ") === "stack export") {
        known ??= capture(args, signal);
        return known;
      }
      // A preview changes nothing.
      if (args[0] !== "preview") known = undefined;
      return capture(args, signal);
    },
  };
}

/** Names of the models in a stack's config, as written: the program checks what they say. */
export function declaredIn(config: Readonly<Record<string, unknown>>): DeclaredModels {
  const names = (key: string): string[] => {
    const value = config[`menagerie:${key}`];
    return typeof value === "object" && value !== null ? Object.keys(value) : [];
  };
  return { zoo: names("zoo"), development: names("development"), shadows: names("shadows") };
}

/** `config:` of a stack's file. */
export async function stackConfigOf(stack: string): Promise<Readonly<Record<string, unknown>>> {
  const file = `Pulumi.${stack}.yaml`;
  const bytes = await readFile(join(projectFolder, file)).catch((error: unknown) => {
    throw badInput(`--stack ${stack}: there is no ${file} in ${projectFolder}`, error);
  });
  return readStackText(bytes, file).config ?? {};
}

function ownEngine(stack: string, signal: AbortSignal): StackEngine {
  const withStack = (args: readonly string[]): string[] => [...args, "--stack", stack];
  return {
    run: (args) =>
      new Promise((resolve, reject) => {
        const child = spawn("pulumi", withStack(args), { cwd: projectFolder, stdio: "inherit" });
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
      captured("pulumi", withStack(args), { cwd: projectFolder, env: process.env, signal: abort }).catch((error) => {
        throw noCli(error);
      }),
  };
}

function noCli(error: Error): OperatorError {
  return new OperatorError(
    `pulumi cannot be run (${error.message}); install the Pulumi CLI and log in to the stack's backend`,
    {
      cause: error,
    },
  );
}
