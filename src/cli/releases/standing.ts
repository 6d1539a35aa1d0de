import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { readServedModels } from "../../adapters/kubernetes/servedModels.ts";
import { drift } from "../../domain/release/outcome.ts";
import type { DeploymentRange } from "../../domain/release/record.ts";
import { environmentLayout } from "../../local/layout.ts";
import { localStack } from "../../local/localStack.ts";
import { readTarget } from "../../local/target.ts";
import { readModels } from "../models.ts";

/** How long the cluster has to answer, in milliseconds: the record is shown without it as well. */
const patience = 5_000;
/** Where models are served unless the config says otherwise. */
const defaultNamespace = "models";

/**
 * How what an environment serves differs from the deployment that its record calls current, in lines such as `iris: v2 instead of
 * v1`: so it is after an `up` with targets, which the record does not see, and after changes by hand. None where it does not differ,
 * and where this machine knows no cluster of the stack or that does not answer.
 */
export async function staleness(environment: string, current: DeploymentRange): Promise<string[]> {
  if (current.environment !== localStack || process.env.MENAGERIE_DATABASE_URL) return [];
  const layout = environmentLayout(environment);
  const target = await readTarget(layout);
  if (!target) return [];
  const config = kubeConfigOf(target.kubeconfig);
  const namespace = (await readModels(layout)).find(({ kind }) => kind === "zoo")?.namespace ?? defaultNamespace;
  const observed = await Promise.race([
    readServedModels(config, namespace).catch(() => undefined),
    new Promise<undefined>((resolve) => setTimeout(resolve, patience, undefined).unref()),
  ]);
  return observed ? drift(current.models, observed) : [];
}
