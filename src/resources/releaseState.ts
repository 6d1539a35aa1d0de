import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ReleaseStateInputs } from "./releaseState.handler.ts";

export type ReleaseStateArgs = ArgsOf<ReleaseStateInputs>;

/** The tables of a release, filled. Its schema and the role that owns states must exist. */
export class ReleaseState extends DelegatedResource {
  /** Rows by table when the release became ready. */
  declare readonly seededRows: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: ReleaseStateArgs, options?: pulumi.CustomResourceOptions) {
    super("releaseState", name, { ...args, seededRows: undefined }, options);
  }
}
