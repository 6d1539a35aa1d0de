import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { sharedEnvironment, sharedEnvironmentName } from "../src/domain/release/environment.ts";
import type { EnvironmentSource } from "../src/domain/serving/servedModel.ts";
import { declared } from "../src/environment/ownership.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link SharedEnvironment}. */
export type SharedEnvironmentArgs = OnEnvironment;

/**
 * What workloads are configured by whatever the release: ConfigMap `env`. Pods that have no other go on when the release changes.
 *
 * @example
 * new SharedEnvironment("env", { environment });
 */
export class SharedEnvironment extends pulumi.ComponentResource {
  /** For every workload. */
  readonly source: EnvironmentSource;

  constructor(name: string, { environment }: SharedEnvironmentArgs, options?: pulumi.ComponentResourceOptions) {
    const { namespace } = environment.spec;
    const values = sharedEnvironment(environment.inEveryRelease);
    const shown = registered({ namespace, values });
    super("menagerie:release:SharedEnvironment", name, shown, environment.options(options, []));
    this.source = { configMap: sharedEnvironmentName, values };
    const metadata = declared({
      name: sharedEnvironmentName,
      namespace,
      labels: { "app.kubernetes.io/part-of": "menagerie" },
    });
    new kubernetes.core.v1.ConfigMap(name, { metadata, data: { ...values } }, { parent: this });
    environment.parts.shared = this;
    this.registerOutputs({ config: sharedEnvironmentName });
  }
}
