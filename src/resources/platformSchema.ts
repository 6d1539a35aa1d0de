import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { PlatformSchemaInputs } from "../providers/platformSchema.ts";

export type PlatformSchemaArgs = {
  readonly [Key in keyof PlatformSchemaInputs]: pulumi.Input<PlatformSchemaInputs[Key]>;
};

/** The platform's tables at the version of this checkout. Database, schema and the owner's role must exist. */
export class PlatformSchema extends pulumi.dynamic.Resource {
  /** Name of the last migration. */
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, args: PlatformSchemaArgs, options?: pulumi.CustomResourceOptions) {
    super(delegate("platformSchema"), name, { ...args }, options, "menagerie", "PlatformSchema");
  }
}
