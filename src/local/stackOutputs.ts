import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { outputsOfStack, type StateResource, stateResources } from "../domain/engineState.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { localProject, localStack } from "./localStack.ts";

/**
 * Outputs of an environment's stack as its last run left them; none before the first. Read from the state itself, since the
 * engine takes a second of the processor for the same answer. Secrets read `[secret]`, as the engine shows them.
 */
export async function readStackOutputs(layout: EnvironmentLayout): Promise<Readonly<Record<string, unknown>>> {
  return outputsOfStack(await readStackResources(layout));
}

/** Resources of an environment's stack as its last run left them; none before the first. Secrets read `[secret]`. */
export async function readStackResources(
  layout: EnvironmentLayout,
  project: string = localProject,
): Promise<readonly StateResource[]> {
  const path = join(layout.pulumi.backend, ".pulumi", "stacks", project, `${localStack}.json`);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  return stateResources(text, "hidden");
}
