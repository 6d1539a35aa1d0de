import * as pulumi from "@pulumi/pulumi";
import { lastVersionTag } from "../adapters/git/checkout.ts";
import { mlflowServer } from "../adapters/mlflow/registry.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { PlanningOptions } from "../plan/platform.ts";
import type { ReleaseSources } from "../plan/release.ts";
import type { StackRun } from "./stackRun.ts";

/** What stacks and other programs alike read by, and say. */

/** How a run reaches the platform's database, beside its login. */
export function platformOptions({ preview, lastOutputs, shell }: StackRun) {
  const { databaseAddress: address, mayBeginAnew } = shell;
  return { preview, lastOutputs, address, mayBeginAnew } satisfies Partial<PlanningOptions>;
}

/** @param config - what the record keeps of the stack's */
export function releaseSources(
  { mlflow }: Pick<EnvironmentSpec, "mlflow">,
  { project, stack, isPartial, lastOutputs, shell }: StackRun,
  config: ReleaseSources["config"],
): ReleaseSources {
  return {
    environment: stack,
    config,
    lastVersionTag: () => lastVersionTag(project),
    mlflow: mlflowServer(mlflow?.url, shell.all),
    isPartial,
    lastOutputs,
  };
}

/** Tells what could not be checked, or will not be as it looks. */
export async function warn(sentences: readonly string[]): Promise<void> {
  for (const sentence of sentences) await pulumi.log.warn(sentence);
}
