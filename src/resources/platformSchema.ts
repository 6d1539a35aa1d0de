import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { PlatformSchemaInputs } from "./platformSchema.handler.ts";

/** Without rights, which the handler adds: they are what the checkout's files say. */
export type PlatformSchemaArgs = ArgsOf<Omit<PlatformSchemaInputs, "rights">>;

/**
 * The platform's tables at the version of this checkout, and what each role may do in them. Database, schema and all roles must exist, and
 * are deleted only after it.
 */
export class PlatformSchema extends DelegatedResource {
  /** Name of the last migration. */
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, args: PlatformSchemaArgs, options?: pulumi.CustomResourceOptions) {
    super("platformSchema", name, args, options);
  }
}
