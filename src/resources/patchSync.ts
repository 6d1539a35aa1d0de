import * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { PatchSyncInputs } from "./patchSync.handler.ts";

export type PatchSyncArgs = ArgsOf<PatchSyncInputs>;

/**
 * Exists once the development version runs what its folder declares. Nothing may depend on it that makes pods: its outputs
 * are unknown in every preview of a patch.
 */
export class PatchSync extends DelegatedResource {
  /** Head of the chain of patches. */
  declare readonly headHash: pulumi.Output<string>;

  constructor(name: string, args: PatchSyncArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "patchSync",
      name,
      { ...args, apiKey: pulumi.secret(args.apiKey), headHash: undefined, runningHash: undefined, state: undefined },
      options,
    );
  }
}
