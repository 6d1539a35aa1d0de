import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { AdminSecrets } from "../../components/adminSecrets.ts";
import { DynamicSettings } from "../../components/dynamicSettings.ts";
import { declared } from "../../components/ownership.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { ownSecret } from "../plan/secrets.ts";
import type { EnvironmentFacts } from "./facts.ts";

/** The cluster of an environment, and what its models need before they can be declared. */
export interface Cluster {
  readonly provider: kubernetes.Provider;
  /** The models' namespace. */
  readonly namespace: kubernetes.core.v1.Namespace;
  /** What a workload in the models' namespace waits for. */
  readonly ready: readonly pulumi.Resource[];
}

/** The models' namespace, the secrets that the stack's config holds, and the settings that other applications read. */
export function declareCluster(spec: EnvironmentSpec, facts: EnvironmentFacts): Cluster {
  const provider = new kubernetes.Provider("cluster", {
    // As kubectl finds it, wherever this runs. Without a value the SDK would record the path in KUBECONFIG of whoever ran the last
    // `up`, which elsewhere, as in a CI, shows as a change, or fails where there is no such file.
    kubeconfig: "",
    // Else a ConfigMap with a fixed name is deleted and made again under its readers when its data changes.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    ...(spec.kubeContext === undefined ? {} : { context: spec.kubeContext }),
  });
  const namespace = new kubernetes.core.v1.Namespace(
    "models",
    { metadata: declared({ name: spec.namespace, labels: { "app.kubernetes.io/part-of": "menagerie" } }) },
    { provider },
  );
  const options = { providers: [provider], dependsOn: namespace };
  const { dynamicSettings, ratelimitEnabled, modelZooDeploymentAutomationEnabled, zoo } = spec;
  const switches = { ratelimitEnabled, modelZooDeploymentAutomationEnabled };
  new DynamicSettings("dynamic-settings", { ...dynamicSettings, ...switches, zoo }, options);
  return { provider, namespace, ready: [namespace, ...adminSecrets(spec, facts, options)] };
}

function adminSecrets(
  { secrets, namespace }: EnvironmentSpec,
  facts: EnvironmentFacts,
  options: pulumi.ComponentResourceOptions,
): AdminSecrets[] {
  if (secrets.length === 0) return [];
  if (!facts.secrets) throw new Error("the program was not told the values of menagerie:secrets");
  return [new AdminSecrets("admin-secrets", { namespace, name: ownSecret, values: facts.secrets }, options)];
}
