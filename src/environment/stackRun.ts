import * as pulumi from "@pulumi/pulumi";
import { type EngineProcess, isPartial } from "../plan/engineAbove.ts";
import type { LastOutputs } from "../plan/platform.ts";
import { type ShellVariables, shellVariables } from "./shellVariables.ts";

/** One run of a stack's program. */
export interface StackRun {
  /** Folder of Pulumi.yaml, which relative paths of the config start from. */
  readonly project: string;
  /** Name of the stack. */
  readonly stack: string;
  /** The config that the engine passes, with prefixes; secrets in the clear. */
  readonly config: Readonly<Record<string, string>>;
  readonly preview: boolean;
  /** The engine that runs the program; undefined where it is not known. */
  readonly engine: EngineProcess | undefined;
  /** Whether it is about some of the stack's resources only. */
  readonly isPartial: boolean;
  readonly shell: ShellVariables;
  /** Outputs of the stack's last `up`. */
  readonly lastOutputs: () => Promise<LastOutputs>;
}

/**
 * What the engine and the shell say of this run.
 * @param engine - the process above, where it is known
 */
export function stackRun(engine?: EngineProcess): StackRun {
  const { runtime } = pulumi;
  let read: Promise<LastOutputs> | undefined;
  return {
    project: process.cwd(),
    stack: pulumi.getStack(),
    config: runtime.allConfig(),
    preview: runtime.isDryRun(),
    engine,
    isPartial: isPartial(engine?.args ?? []),
    shell: shellVariables(process.env),
    lastOutputs: () => {
      read ??= readOutputs();
      return read;
    },
  };
}

/** The program's one way to them: the engine answers for whatever backend the stack has, secrets in the clear. */
function readOutputs(): Promise<LastOutputs> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const { outputs } = new pulumi.StackReference("self", { name: self });
  return new Promise((resolve) => outputs.apply((values) => resolve(values)));
}
