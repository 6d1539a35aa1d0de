import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { SmokeTestInputs } from "./smokeTest.handler.ts";

export type SmokeTestArgs = ArgsOf<SmokeTestInputs>;

/** A smoke set run against what is deployed; its evidence is stored, and the `up` fails where an answer differs. */
export class SmokeTest extends DelegatedResource {
  /** SHA-256 of the evidence. */
  declare readonly evidenceHash: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.CustomResourceOptions) {
    super("smokeTest", name, { ...args, evidenceId: undefined, evidenceHash: undefined }, options);
  }
}
