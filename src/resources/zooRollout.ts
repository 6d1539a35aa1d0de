import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { ZooRolloutInputs } from "../providers/zooRollout.ts";

export type ZooRolloutArgs = { readonly [Key in keyof ZooRolloutInputs]: pulumi.Input<ZooRolloutInputs[Key]> };

/** Where a zoo model stands, recorded before anything of it changes; refused where its phase cannot be entered. */
export class ZooRollout extends pulumi.dynamic.Resource {
  /** When the model entered its phase; ISO 8601. */
  declare readonly since: pulumi.Output<string>;

  constructor(name: string, args: ZooRolloutArgs, options?: pulumi.CustomResourceOptions) {
    super(
      delegate("zooRollout"),
      name,
      { ...args, since: undefined },
      { ...options, additionalSecretOutputs: ["targetUrl"] },
      "menagerie",
      "ZooRollout",
    );
  }
}
