import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { sharedEnvironmentName } from "../src/domain/release/environment.ts";
import type { EnvironmentSource } from "../src/domain/serving/servedModel.ts";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link SharedEnvironment}. */
export interface SharedEnvironmentArgs {
  /** Namespace of the workloads. It must exist: pass the Namespace in `dependsOn`. */
  readonly namespace: string;
  /** By name of the environment variable: `sharedEnvironment` of `src/domain/release`. */
  readonly values: Readonly<Record<string, string>>;
}

/**
 * What workloads are configured by whatever the release: ConfigMap `env`. Pods that have no other go on when the release changes.
 *
 * @example
 * new SharedEnvironment("env", { namespace: "models", values }, { providers: [cluster] });
 */
export class SharedEnvironment extends pulumi.ComponentResource {
  /** For every workload. */
  readonly source: EnvironmentSource;

  constructor(name: string, { namespace, values }: SharedEnvironmentArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:release:SharedEnvironment", name, registered({ namespace, values }), options);
    this.source = { configMap: sharedEnvironmentName, values };
    const metadata = declared({
      name: sharedEnvironmentName,
      namespace,
      labels: { "app.kubernetes.io/part-of": "menagerie" },
    });
    new kubernetes.core.v1.ConfigMap(name, { metadata, data: { ...values } }, { parent: this });
    this.registerOutputs({ config: sharedEnvironmentName });
  }
}
