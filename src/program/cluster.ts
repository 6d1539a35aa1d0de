import * as kubernetes from "@pulumi/kubernetes";
import { AdminSecrets } from "../../components/adminSecrets.ts";
import { DynamicSettings } from "../../components/dynamicSettings.ts";
import type { Environment } from "../environment/environment.ts";
import { declared } from "../environment/ownership.ts";
import { ownSecret } from "../plan/secrets.ts";

/** The models' namespace, the secrets that the stack's config holds, and the settings that other applications read. */
export function declareCluster(environment: Environment): kubernetes.core.v1.Namespace {
  const { spec, facts, cluster, parts } = environment;
  const { namespace: name, dynamicSettings, ratelimitEnabled, modelZooDeploymentAutomationEnabled, zoo } = spec;
  const namespace = new kubernetes.core.v1.Namespace(
    "models",
    { metadata: declared({ name, labels: { "app.kubernetes.io/part-of": "menagerie" } }) },
    { provider: cluster },
  );
  const options = { providers: [cluster], dependsOn: namespace };
  const switches = { ratelimitEnabled, modelZooDeploymentAutomationEnabled };
  new DynamicSettings("dynamic-settings", { ...dynamicSettings, ...switches, zoo }, options);
  parts.ready.push(namespace);
  if (spec.secrets.length > 0) {
    if (!facts.secrets) throw new Error("the program was not told the values of menagerie:secrets");
    const args = { namespace: name, name: ownSecret, values: facts.secrets };
    parts.ready.push(new AdminSecrets("admin-secrets", args, options));
  }
  return namespace;
}
