import * as pulumi from "@pulumi/pulumi";
import { parseEnvironment } from "./config/parse.ts";
import { encryptedKeys, secretValues, stackConfig } from "./config/stackConfig.ts";
import { OperatorError } from "./domain/errors.ts";
import { deployEnvironment } from "./program.ts";
import { planSecrets } from "./secretPlan.ts";
import { trussesOf } from "./trusses.ts";

/** Entry of a stack: config in, resources and outputs out. */
async function stack() {
  try {
    const config = pulumi.runtime.allConfig();
    const spec = parseEnvironment(stackConfig(config), {
      gatewayUrl: process.env.MENAGERIE_GATEWAY_URL,
      secretKeys: encryptedKeys(process.env.PULUMI_CONFIG_SECRET_KEYS),
    });
    const trusses = await trussesOf(spec, process.cwd());
    return deployEnvironment(spec, {
      trussHashes: new Map([...trusses].map(([folder, { hash }]) => [folder, hash])),
      secretSources: await planSecrets(spec, (folder) => trusses.get(folder)?.secrets ?? [], keysInCluster(spec)),
      secrets: pulumi.secret(secretValues(config)),
    });
  } catch (error) {
    // The engine prints the message of a RunError alone; for everything else it adds the stack trace.
    if (error instanceof OperatorError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Loads the Kubernetes client, which takes a second, only for a stack that asks. */
function keysInCluster({ kubeContext }: { readonly kubeContext?: string | undefined }) {
  return async (namespace: string, name: string) => {
    const { ambientKubeConfig } = await import("./adapters/kubernetes/workloads.ts");
    const { readSecretKeys } = await import("./adapters/kubernetes/secretKeys.ts");
    return readSecretKeys(ambientKubeConfig(kubeContext), namespace, name);
  };
}

export default stack;
