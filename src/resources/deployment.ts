import type * as pulumi from "@pulumi/pulumi";
import type { DeploymentInputs } from "../providers/deployment.ts";
import { DelegatedResource } from "./delegatedResource.ts";

export type DeploymentArgs = { readonly [Key in keyof DeploymentInputs]: pulumi.Input<DeploymentInputs[Key]> };

/** The end of a deployment in the record. Must depend on everything that the deployment is made of. */
export class Deployment extends DelegatedResource {
  /** Tag of the release. */
  declare readonly tag: pulumi.Output<string>;

  constructor(name: string, args: DeploymentArgs, options?: pulumi.CustomResourceOptions) {
    super("deployment", name, { ...args, currentId: undefined }, options);
  }
}
