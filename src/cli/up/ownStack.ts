import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ambientKubeConfig } from "../../adapters/kubernetes/workloads.ts";
import { readStackText } from "../../config/stackFile.ts";
import { badInput, OperatorError } from "../../domain/errors.ts";
import type { DeclaredModels } from "../../domain/preview/removals.ts";
import { captured } from "../../local/engine.ts";
import { projectFolder } from "../../local/localStack.ts";
import { agreedUp, type StackEngine } from "./agreedUp.ts";

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
  const code = await agreedUp(ownEngine(stack, signal), {
    ...{ ...agreement, signal },
    declared: declaredIn(config),
    cluster: async () => ambientKubeConfig(typeof context === "string" ? context : undefined),
  });
  signal.throwIfAborted();
  if (code !== 0) throw new OperatorError(`stack "${stack}" is not as declared: see above`);
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
