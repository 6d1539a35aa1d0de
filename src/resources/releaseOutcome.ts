import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ReleaseOutcomeInputs } from "./releaseOutcome.handler.ts";

export type ReleaseOutcomeArgs = ArgsOf<ReleaseOutcomeInputs>;

/** The end of a deployment in the record. Must depend on everything that the deployment is made of. */
export class ReleaseOutcome extends DelegatedResource {
  /** Tag of the release. */
  declare readonly tag: pulumi.Output<string>;

  constructor(name: string, args: ReleaseOutcomeArgs, options?: pulumi.CustomResourceOptions) {
    // The kind, and the type that is made of it, stand in the states of stacks: they keep the name that the class had first.
    super("deployment", name, { ...args, currentId: undefined }, options);
  }
}
