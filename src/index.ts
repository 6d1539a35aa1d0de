import * as pulumi from "@pulumi/pulumi";
import { requireKubeContext } from "./adapters/kubernetes/kubeContexts.ts";
import { keyPath } from "./config/sentences.ts";
import { Environment } from "./environment/environment.ts";
import { outputsOfOne } from "./environment/outputs.ts";
import { environmentDefaults } from "./environment/shellVariables.ts";
import { stackRun } from "./environment/stackRun.ts";
import { declaredStack } from "./plan/stackFile.ts";
import { engine, told } from "./program/engine.ts";
import { deleteFixedNamesFirst } from "./program/fixedNames.ts";
import { protectWhatServesOrStores } from "./program/protection.ts";
import { deployEnvironment } from "./program.ts";

/** Entry of a stack: config in, resources and outputs out. */
export default async function stack() {
  const run = stackRun(engine);
  const { shell } = run;
  return told(shell.environment, async () => {
    pulumi.runtime.registerStackTransformation(deleteFixedNamesFirst);
    const spec = await declaredStack({ ...run, defaults: environmentDefaults(shell) });
    if (spec.kubeContext !== undefined) requireKubeContext(spec.kubeContext, keyPath(["kubeContext"]));
    // Environments of `menagerie` have this stack; it asks before whatever they do.
    if (run.stack !== "local") pulumi.runtime.registerStackTransformation(protectWhatServesOrStores);
    const outputs = deployEnvironment(await Environment.ofStack(spec, run));
    return shell.only ? outputsOfOne(outputs, await run.lastOutputs(), shell.only) : outputs;
  });
}
