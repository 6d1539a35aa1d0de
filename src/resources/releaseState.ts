import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ReleaseStateInputs } from "./releaseState.handler.ts";

/** Without rights, which the handler adds: they are what the checkout's files say. */
export type ReleaseStateArgs = ArgsOf<Omit<ReleaseStateInputs, "rights">>;

/** The tables of a release, filled, and the rights of its logins. They, its schema and the role that owns states must exist. */
export class ReleaseState extends DelegatedResource {
  /** Rows by table when the release became ready. */
  declare readonly seededRows: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: ReleaseStateArgs, options?: pulumi.CustomResourceOptions) {
    super("releaseState", name, { ...args, seededRows: undefined }, options);
  }
}
