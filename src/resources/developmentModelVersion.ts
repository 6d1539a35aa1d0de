import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { DevelopmentModelVersionInputs } from "../providers/developmentModelVersion.ts";

export type DevelopmentModelVersionArgs = {
  readonly [Key in keyof DevelopmentModelVersionInputs]: pulumi.Input<DevelopmentModelVersionInputs[Key]>;
};

/** A development version in the platform's tables: one row whose content changes in place. */
export class DevelopmentModelVersion extends pulumi.dynamic.Resource {
  /** Id of the row. */
  declare readonly versionId: pulumi.Output<string>;

  constructor(name: string, args: DevelopmentModelVersionArgs, options?: pulumi.CustomResourceOptions) {
    super(
      delegate("developmentModelVersion"),
      name,
      { ...args, versionId: undefined },
      options,
      "menagerie",
      "DevelopmentModelVersion",
    );
  }
}
