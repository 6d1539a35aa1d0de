import * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ZooRolloutInputs } from "./zooRollout.handler.ts";

export type ZooRolloutArgs = ArgsOf<ZooRolloutInputs>;

/** Where a zoo model stands, recorded before anything of it changes; refused where its phase cannot be entered. */
export class ZooRollout extends DelegatedResource {
  /** When the model entered its phase; ISO 8601. */
  declare readonly since: pulumi.Output<string>;

  constructor(name: string, args: ZooRolloutArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "zooRollout",
      name,
      { ...args, since: undefined },
      pulumi.mergeOptions(options, { additionalSecretOutputs: ["targetUrl"] }),
    );
  }
}
