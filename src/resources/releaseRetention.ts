import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ReleaseRetentionInputs } from "./releaseRetention.handler.ts";

export type ReleaseRetentionArgs = ArgsOf<ReleaseRetentionInputs>;

/** Which states of releases stay and which are given up. Depend it on the current release's state. */
export class ReleaseRetention extends DelegatedResource {
  constructor(name: string, args: ReleaseRetentionArgs, options?: pulumi.CustomResourceOptions) {
    super("releaseRetention", name, args, options);
  }
}
