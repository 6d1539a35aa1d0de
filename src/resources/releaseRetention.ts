import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { ReleaseRetentionInputs } from "../providers/releaseRetention.ts";

export type ReleaseRetentionArgs = {
  readonly [Key in keyof ReleaseRetentionInputs]: pulumi.Input<ReleaseRetentionInputs[Key]>;
};

/** Which states of releases stay and which are given up. Depend it on the current release's state. */
export class ReleaseRetention extends pulumi.dynamic.Resource {
  constructor(name: string, args: ReleaseRetentionArgs, options?: pulumi.CustomResourceOptions) {
    super(delegate("releaseRetention"), name, { ...args }, options, "menagerie", "ReleaseRetention");
  }
}
