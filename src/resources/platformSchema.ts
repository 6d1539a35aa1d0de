import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { PlatformSchemaInputs } from "./platformSchema.handler.ts";

export type PlatformSchemaArgs = ArgsOf<PlatformSchemaInputs>;

/** The platform's tables at the version of this checkout. Database, schema and the owner's role must exist. */
export class PlatformSchema extends DelegatedResource {
  /** Name of the last migration. */
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, args: PlatformSchemaArgs, options?: pulumi.CustomResourceOptions) {
    super("platformSchema", name, args, options);
  }
}
