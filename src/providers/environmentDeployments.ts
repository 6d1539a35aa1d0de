import type { DeploymentLock } from "../adapters/postgres/deploymentLock.ts";
import { roles } from "../domain/platformDatabase.ts";
import { type DeployedModel, onePerModel } from "../domain/release/observed.ts";
import type { EnvironmentInput } from "./databaseInput.ts";
import { databaseServer } from "./databaseServer.ts";
import { whenEngineEnds } from "./engineEnd.ts";

/**
 * Locks that this process holds, by environment: from an intent to its end, so that whoever looks knows whether the `up`
 * still lives. The engine runs one process for all resources of an `up`; what it forgets here, its end lets go of.
 */
const held = new Map<string, DeploymentLock>();

/** The lock of the environment's deployments, taken once in this process. Its connection acts as the deployer. */
export async function heldLock(inputs: EnvironmentInput): Promise<DeploymentLock> {
  const known = held.get(inputs.environment);
  if (known && !known.broken()) return known;
  const { lockDeployments } = await import("../adapters/postgres/deploymentLock.ts");
  const { actAs } = await import("../adapters/postgres/transaction.ts");
  const lock = await lockDeployments(databaseServer(inputs), inputs.environment);
  await actAs(lock.client, roles.deployer);
  held.set(inputs.environment, lock);
  whenEngineEnds(() => void lock.release());
  return lock;
}

export async function releaseLock(environment: string): Promise<void> {
  const lock = held.get(environment);
  held.delete(environment);
  await lock?.release();
}

/** What the environment serves now. */
export async function observe(inputs: EnvironmentInput): Promise<readonly DeployedModel[]> {
  return onePerModel(await observeRoutes(inputs));
}

/** The same for every route of a model, see {@link routedModels}. */
export async function observeRoutes({ namespace, context }: EnvironmentInput): Promise<readonly DeployedModel[]> {
  // Loaded when needed: the Kubernetes client takes a second, and a preview only checks and compares.
  const { ambientKubeConfig } = await import("../adapters/kubernetes/workloads.ts");
  const { readRoutedModels } = await import("../adapters/kubernetes/servedModels.ts");
  return readRoutedModels(ambientKubeConfig(context), namespace);
}
