import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { DeploymentIntentInputs } from "./deploymentIntent.handler.ts";

export type DeploymentIntentArgs = ArgsOf<DeploymentIntentInputs>;

/** What an `up` is about to deploy, in the record. Depend on it to change the environment only after that. */
export class DeploymentIntent extends DelegatedResource {
  /** Id of the record's row. */
  declare readonly deploymentId: pulumi.Output<string>;

  constructor(name: string, args: DeploymentIntentArgs, options?: pulumi.CustomResourceOptions) {
    super("deploymentIntent", name, { ...args, deploymentId: undefined }, options);
  }
}
