import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { DevelopmentModelVersionInputs } from "./developmentModelVersion.handler.ts";

export type DevelopmentModelVersionArgs = ArgsOf<DevelopmentModelVersionInputs>;

/** A development version in the platform's tables: one row whose content changes in place. */
export class DevelopmentModelVersion extends DelegatedResource {
  /** Id of the row. */
  declare readonly versionId: pulumi.Output<string>;

  constructor(name: string, args: DevelopmentModelVersionArgs, options?: pulumi.CustomResourceOptions) {
    super("developmentModelVersion", name, { ...args, versionId: undefined }, options);
  }
}
