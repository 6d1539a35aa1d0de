import * as pulumi from "@pulumi/pulumi";
import { requireKubeContext } from "./adapters/kubernetes/kubeContexts.ts";
import { keyPath } from "./config/sentences.ts";
import { Environment } from "./environment/environment.ts";
import { outputsOfOne } from "./environment/outputs.ts";
import { readEnvironment } from "./environment/readStack.ts";
import { environmentDefaults } from "./environment/shellVariables.ts";
import { declaredStack } from "./plan/stackFile.ts";
import { stackRun, told } from "./program/engine.ts";
import { deleteFixedNamesFirst } from "./program/fixedNames.ts";
import { protectWhatServesOrStores } from "./program/protection.ts";
import { deployEnvironment } from "./program.ts";

/** Entry of a stack: config in, resources and outputs out. */
export default async function stack() {
  const run = stackRun();
  const { shell } = run;
  return told(shell.environment, async () => {
    pulumi.runtime.registerStackTransformation(deleteFixedNamesFirst);
    const spec = await declaredStack({ ...run, defaults: environmentDefaults(shell) });
    if (spec.kubeContext !== undefined) requireKubeContext(spec.kubeContext, keyPath(["kubeContext"]));
    // Environments of `menagerie` have this stack; it asks before whatever they do.
    if (run.stack !== "local") pulumi.runtime.registerStackTransformation(protectWhatServesOrStores);
    const outputs = deployEnvironment(new Environment(spec, await readEnvironment(spec, run)));
    return shell.only ? outputsOfOne(outputs, await run.lastOutputs(), shell.only) : outputs;
  });
}
