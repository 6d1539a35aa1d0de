import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { DeploymentIntentInputs } from "../providers/deploymentIntent.ts";

export type DeploymentIntentArgs = {
  readonly [Key in keyof DeploymentIntentInputs]: pulumi.Input<DeploymentIntentInputs[Key]>;
};

/** What an `up` is about to deploy, in the record. Depend on it to change the environment only after that. */
export class DeploymentIntent extends pulumi.dynamic.Resource {
  /** Id of the record's row. */
  declare readonly deploymentId: pulumi.Output<string>;

  constructor(name: string, args: DeploymentIntentArgs, options?: pulumi.CustomResourceOptions) {
    super(
      delegate("deploymentIntent"),
      name,
      { ...args, deploymentId: undefined },
      options,
      "menagerie",
      "DeploymentIntent",
    );
  }
}
