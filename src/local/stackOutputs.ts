import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isEngineSecret } from "../domain/engineSecret.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { localProject, localStack } from "./localStack.ts";

/** What the engine (Pulumi 3.259) writes into its file backend for each stack; see its `apitype.VersionedCheckpoint`. */
interface StateFile {
  readonly checkpoint?: {
    readonly latest?: { readonly resources?: readonly StateResource[] | null } | null;
  };
}

/** A resource in a state file. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  /** An object that the engine deletes because another took its place. */
  readonly delete?: boolean;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/**
 * Outputs of an environment's stack as its last run left them; none before the first. Read from the state itself, since the
 * engine takes a second of the processor for the same answer. Secrets read `[secret]`, as the engine shows them.
 */
export async function readStackOutputs(layout: EnvironmentLayout): Promise<Readonly<Record<string, unknown>>> {
  const resources = await readStackResources(layout);
  return resources.find(({ type, parent }) => type === "pulumi:pulumi:Stack" && !parent)?.outputs ?? {};
}

/** Resources of an environment's stack as its last run left them; none before the first. Secrets read `[secret]`. */
export async function readStackResources(layout: EnvironmentLayout): Promise<readonly StateResource[]> {
  const path = join(layout.pulumi.backend, ".pulumi", "stacks", localProject, `${localStack}.json`);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  const { checkpoint } = JSON.parse(text, (_, value) => (isEngineSecret(value) ? "[secret]" : value)) as StateFile;
  return checkpoint?.latest?.resources ?? [];
}
