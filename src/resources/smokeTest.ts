import type * as pulumi from "@pulumi/pulumi";
import { DelegatedResource } from "./delegatedResource.ts";
import type { SmokeTestInputs } from "./smokeTest.handler.ts";

export type SmokeTestArgs = { readonly [Key in keyof SmokeTestInputs]: pulumi.Input<SmokeTestInputs[Key]> };

/** A smoke set run against what is deployed; its evidence is stored, and the `up` fails where an answer differs. */
export class SmokeTest extends DelegatedResource {
  /** SHA-256 of the evidence. */
  declare readonly evidenceHash: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.CustomResourceOptions) {
    super("smokeTest", name, { ...args, evidenceId: undefined, evidenceHash: undefined }, options);
  }
}
