import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { DeploymentInputs } from "../providers/deployment.ts";

export type DeploymentArgs = { readonly [Key in keyof DeploymentInputs]: pulumi.Input<DeploymentInputs[Key]> };

/** The end of a deployment in the record. Must depend on everything that the deployment is made of. */
export class Deployment extends pulumi.dynamic.Resource {
  /** Tag of the release. */
  declare readonly tag: pulumi.Output<string>;

  constructor(name: string, args: DeploymentArgs, options?: pulumi.CustomResourceOptions) {
    super(delegate("deployment"), name, { ...args, currentId: undefined }, options, "menagerie", "Deployment");
  }
}
